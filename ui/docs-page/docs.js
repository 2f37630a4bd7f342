// The contract that this server serves, rendered; "Authorize" takes an access token of POST /auth/login.
window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // nothing leaves this server
})
