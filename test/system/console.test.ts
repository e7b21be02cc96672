/** The console in a real browser, at a real system: a call is placed by hand, followed live, and hung up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { App } from '../support/app.ts';
import { openBrowser } from '../support/browser.ts';
import { suiteOwner } from '../support/suite.ts';
import { startSystem } from '../support/system.ts';

const WITHIN = { timeout: 15_000 };

describe('the console', async () => {
  const owner = suiteOwner();
  const browser = await openBrowser(owner);

  it('places a call, shows it live and hangs it up, without a complaint of the browser', {
    skip: browser === null,
  }, async () => {
    assert.ok(browser);
    const system = await startSystem(owner);
    const app = await App.start(owner);
    const { ACCOUNT_SID: username, AUTH_TOKEN: password } = system.stack.account;
    const context = await browser.newContext({ httpCredentials: { username, password } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));

    await page.goto(system.stack.apiUrl);
    await page.getByText('No calls yet.').waitFor(WITHIN);
    await page.getByText(/0 calls of \d+ possible/).waitFor(WITHIN);
    await page.getByRole('button', { name: 'New call' }).click();
    await page.getByLabel('To').fill('+15550100001');
    await page.getByLabel(/Document/).fill('<Response><Say>unfinished');
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await page
      .getByRole('alert')
      .getByText(/Premature end/)
      .waitFor(WITHIN);
    const stream = `<Connect><Stream name="<b>agent</b>" url="${app.wsUrl('/agent')}"/></Connect>`;
    await page
      .getByLabel(/Document/)
      .fill(`<Response>${stream.replaceAll('<b>', '&lt;b&gt;').replaceAll('</b>', '&lt;/b&gt;')}</Response>`);
    await page.getByRole('button', { name: 'Call', exact: true }).click();

    await page.locator('#state', { hasText: 'in-progress' }).waitFor(WITHIN);
    await page.locator('#events .type', { hasText: 'stream.started' }).waitFor(WITHIN);
    await page.locator('#events .type', { hasText: 'dtmf.received' }).first().waitFor(WITHIN);
    await page.locator('#streams td', { hasText: '<b>agent</b>' }).waitFor(WITHIN);
    await page.locator('#picture rect.talking').waitFor(WITHIN);
    await page.locator('#picture rect.stream').waitFor(WITHIN);
    assert.equal(await page.locator('b', { hasText: /^agent$/ }).count(), 0, 'what a call brings is no markup');
    assert.match(page.url(), /#CA[0-9a-f]{32}$/);

    await page.getByRole('button', { name: 'Hang up' }).click();
    await page.getByText('Ended by the api, api_completed').waitFor(WITHIN);
    await page.locator('#list .pill', { hasText: 'completed' }).waitFor(WITHIN);
    await page.locator('#live').waitFor({ ...WITHIN, state: 'hidden' });
    assert.equal(await page.getByRole('button', { name: 'Hang up' }).isVisible(), false);
    await context.close();
    // The document that was unfinished was answered with 422, which a browser notes.
    assert.deepEqual(
      complaints.filter((text) => !text.includes('422')),
      [],
    );
  });
});
