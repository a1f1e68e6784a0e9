"""Questions to providers and their answers."""

from django.db import models


class Lookup(models.Model):
    """One question that is not about daily prices, and what came of it. A projection."""

    id = models.UUIDField(primary_key=True)
    provider = models.TextField()
    kind = models.TextField()
    subject = models.TextField()
    on = models.DateField(null=True)
    question = models.TextField()
    state = models.TextField()
    answer_hash = models.TextField(null=True)
    row_count = models.IntegerField(null=True)
    problem = models.JSONField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "lookup"
        indexes = [models.Index(fields=["question", "-created_at"], name="lookup_question_newest")]


class LookupAnswer(models.Model):
    """The rows of an answer under the sha256 of their canonical JSON. Part of the record."""

    answer_hash = models.TextField(primary_key=True)
    rows = models.JSONField()

    class Meta:
        db_table = "lookup_answer"
