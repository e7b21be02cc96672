/**
 * What a schema found, for people: the library's own wording ("Invalid input: expected string, received
 * undefined") becomes a short one ("is missing"). Sentences of ours pass through as they are.
 */

/** As zod reports it; `errors` are the branches of a union. */
export interface SchemaIssue {
  readonly code?: string | undefined;
  readonly message: string;
  readonly values?: readonly unknown[];
  readonly errors?: readonly (readonly SchemaIssue[])[];
}

const bounds = { small: 'at least', big: 'at most' } as const;

export function issueSentence(issue: SchemaIssue): string {
  const { message } = issue;
  const allowed = allowedBy(issue);
  if (allowed !== null && /^Invalid (input|option)/.test(message)) return `must be one of ${allowed.join(', ')}`;
  const type = /^Invalid input: expected (\w+), received (\w+)$/.exec(message);
  if (type) return type[2] === 'undefined' ? 'is missing' : `must be ${article(type[1] ?? '')}`;
  const bound = /^Too (small|big): expected \w+ to (?:be|have) [<>]=?(\d+)( \w+)?/.exec(message);
  if (bound) return `${bounds[bound[1] === 'small' ? 'small' : 'big']} ${bound[2]}${bound[3] ?? ''}`;
  return message;
}

/** The values one of which is wanted; null when the issue is no such choice. */
function allowedBy(issue: SchemaIssue): readonly string[] | null {
  if (issue.values) return issue.values.map(String);
  if (issue.code !== 'invalid_union' || !issue.errors) return null;
  const branches = issue.errors.map((branch) => (branch.length === 1 && branch[0] ? allowedBy(branch[0]) : null));
  return branches.length === 0 || branches.includes(null) ? null : branches.flatMap((values) => values ?? []);
}

const article = (type: string): string => {
  const name = type === 'int' ? 'integer' : type;
  return `${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}`;
};
