/** JSON as it is answered: one line and its end, so that a terminal's prompt begins on the next. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value)}\n`;
