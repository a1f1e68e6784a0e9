"use strict";
{
  const place = document.getElementById("redoc");
  // ReDoc asks another site for its maker's logo; here every image comes from this site.
  const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  Object.defineProperty(HTMLImageElement.prototype, "src", {
    ...source,
    set(address) {
      const isOwn = new URL(address, location.href).origin === location.origin;
      source.set.call(this, isOwn ? address : place.dataset.icon);
    },
  });
  Redoc.init(place.dataset.schema, {}, place);
}
