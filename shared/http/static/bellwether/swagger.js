"use strict";
{
  const place = document.getElementById("swagger-ui");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  follow();
  dark.addEventListener("change", follow);

  // Nobody types in a session cookie: it is there after logging in.
  const isTyped = (scheme) => scheme.every((definition) => definition.get("in") !== "cookie");
  const onlyTyped = (schemes) => (...given) => schemes(...given)?.filter(isTyped);
  const withoutCookies = { statePlugins: { auth: { wrapSelectors: { definitionsToAuthorize: onlyTyped } } } };

  SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    tryItOutEnabled: true,
    layout: "BaseLayout",
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [withoutCookies],
    requestInterceptor: (request) => {
      // A login session is believed only with this header, which no other site can send.
      const isOwn = new URL(request.url, location.href).origin === location.origin;
      if (isOwn && !request.loadSpec) request.headers["X-CSRFToken"] = place.dataset.csrf;
      return request;
    },
  });
}
