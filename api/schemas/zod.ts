/** zod with its OpenAPI extension: imported by every schema, so that it is extended before the first one. */
import { extendZodWithOpenApi } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

extendZodWithOpenApi(z);

export { z };
