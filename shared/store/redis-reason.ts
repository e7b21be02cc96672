/** Why a connection to Redis failed, in words for whoever has to put it right. */

const cures: readonly (readonly [RegExp, string])[] = [
  [
    /self-signed certificate|unable to (verify|get)\b.*\b(certificate|issuer)/i,
    'start the service with NODE_EXTRA_CA_CERTS naming the file of the CA that signed it',
  ],
  [/certificate's altnames/i, 'name Redis in REDIS_URL as its certificate does'],
  [/wrong version number|packet length too long/i, 'this port does not speak TLS: take redis for rediss in REDIS_URL'],
];

/** What failed, with its cure where there is one; empty when nothing is known. */
export function reasonOf(failure: unknown): string {
  if (!(failure instanceof Error)) return '';
  // A Cluster says only that no node answered; the last one's answer is the reason.
  if ('lastNodeError' in failure && failure.lastNodeError instanceof Error) return reasonOf(failure.lastNodeError);
  const code = 'code' in failure && typeof failure.code === 'string' ? failure.code : '';
  const words = failure.message === '' ? code : failure.message;
  const cure = cures.find(([said]) => said.test(words))?.[1];
  return cure === undefined ? words : `${words} (${cure})`;
}
