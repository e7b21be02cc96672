/** Security headers; the policy leaves room for what the documentation page loads from ourselves. */
import helmet from 'helmet';

export const securityHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: true,
    directives: { 'upgrade-insecure-requests': null, 'img-src': ["'self'", 'data:'] },
  },
});
