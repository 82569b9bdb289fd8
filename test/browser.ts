/**
 * Chromium without a window, for tests of pages: Debian's `chromium` (scripts/setup.sh test), driven by playwright-core.
 * It reaches addresses of this machine only. Page-side code is given as text, as tests know no DOM types.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const SWITCHES = [
	// Its own sandbox does not work as root, nor in most containers.
	"--no-sandbox",
	"--disable-gpu",
	// Names of other machines are not even asked for.
	"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1 , EXCLUDE [::1]",
	// Whatever proxy the machine has for the internet: pages come straight from here.
	"--no-proxy-server",
];

/** One action of a page may take this long, in milliseconds: only what hangs takes longer, on a busy machine too. */
const TIMEOUT = 300_000;

/**
 * Starts a browser; it ends with the test (or with what `context` is of). With a clean folder of its own for all it keeps,
 * so that browsers know nothing of each other or of a user's.
 */
export async function startBrowser(context: Pick<TestContext, "after">): Promise<Browser> {
	const folder = mkdtempSync(join(tmpdir(), "mqttd-browser-"));
	const environment = Object.entries(process.env).filter(([, value]) => value !== undefined);
	const browser = await chromium.launch({
		executablePath: "/usr/bin/chromium",
		args: SWITCHES,
		env: {
			...Object.fromEntries(environment),
			HOME: folder,
			XDG_CONFIG_HOME: folder,
			XDG_CACHE_HOME: folder,
		},
		timeout: TIMEOUT,
	});
	context.after(async () => {
		// Waits for its process, which takes those that it started along.
		await browser.close();
		rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
	});
	return browser;
}

/** A page and what went wrong in it. */
export interface OpenPage {
	readonly page: Page;
	/** Errors that no script caught, errors on the console, and requests that failed, as text. */
	readonly failures: readonly string[];
}

/**
 * Opens an empty page with cookies and settings of its own (`options`: Playwright's; `ignoreHTTPSErrors` takes any
 * certificate). It is closed with the test.
 */
export async function openPage(
	context: Pick<TestContext, "after">,
	browser: Browser,
	options: BrowserContextOptions = {},
): Promise<OpenPage> {
	const session = await browser.newContext(options);
	session.setDefaultTimeout(TIMEOUT);
	session.setDefaultNavigationTimeout(TIMEOUT);
	context.after(() => session.close());
	const page = await session.newPage();
	const failures: string[] = [];
	page.on("pageerror", (error) => failures.push(`error: ${error.message}`));
	page.on("crash", () => failures.push("the page crashed"));
	page.on("console", (message) => {
		if (message.type() === "error") failures.push(`console: ${message.text()}`);
	});
	page.on("requestfailed", (request) =>
		failures.push(`request: ${request.url()}: ${request.failure()?.errorText}`),
	);
	return { page, failures };
}

/** What a page makes of a script's text (an expression, perhaps a promise); its value, as JSON carries it. */
export async function evaluate<T>(page: Page, script: string): Promise<T> {
	return (await page.evaluate(script)) as T;
}

/** That nothing went wrong in a page so far. */
export function noFailures({ failures }: OpenPage): void {
	assert.deepEqual(failures, []);
}
