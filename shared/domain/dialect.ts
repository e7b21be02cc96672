/** Whose rules a call or a stream follows where Pivot and Twilio differ (PROTOCOL §0). */
export type Dialect = 'pivot' | 'twilio';
