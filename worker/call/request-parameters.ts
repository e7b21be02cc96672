/** What every request about a call tells: shared with the API and the gateway, which end calls too. */
export { requestParameters } from '../../shared/domain/request-parameters.ts';
