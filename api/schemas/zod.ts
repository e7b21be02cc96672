/** zod with its OpenAPI extension: imported by every schema, so that it is extended before the first one. */
import { extendZodWithOpenApi } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

extendZodWithOpenApi(z);

/** For refinements of a whole body: they look at it also when a field is wrong, so that all mistakes are told at once. */
export const always = {
  when: ({ value }: { readonly value: unknown }): boolean =>
    typeof value === 'object' && value !== null && !Array.isArray(value),
};

export { z };
