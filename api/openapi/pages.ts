/** /docs: the description to read and try, served by swagger-ui from ourselves. */
import type { Router } from 'express';
import express from 'express';
import swaggerUi from 'swagger-ui-express';
import { openApiDocument } from './document.ts';

export function documentationPages(): Router {
  const router = express.Router();
  const { servers: _servers, ...document } = openApiDocument();
  router.use(
    '/',
    swaggerUi.serve,
    swaggerUi.setup(document, { customSiteTitle: 'Pivot Streams API', customCss: '.topbar { display: none }' }),
  );
  return router;
}
