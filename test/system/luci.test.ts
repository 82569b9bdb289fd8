/**
 * The pages of LuCI in a browser, over a broker: each is used for what it is for. A page that tells of an error, of a misuse of
 * LuCI's interface or of a call that its ACL does not have fails the test. While developing, MQTTD_SCREENSHOTS names a folder for
 * pictures, wide and as on a telephone.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import type { MqttClient } from "mqtt";
import type { Browser, Locator, Page } from "playwright-core";
import { catalogues, LUCI_APP } from "../../scripts/luci-texts.ts";
import { evaluate, noFailures, openPage, startBrowser } from "../browser.ts";
import { World } from "../luci/world.ts";
import { type BuiltProgram, builtPrograms } from "./harness.ts";
import { closed, connect, messages } from "./mqtt-client.ts";

/** What would run if a page took it for HTML. */
const HOSTILE = '<img src=x onerror="window.hostile = true">';
/** What can be pressed or filled in, and reaches beyond the page's right edge. */
const OUTSIDE =
	"[...document.querySelectorAll('#view button, #view input, #view select, .modal button')]" +
	".filter((node) => node.getBoundingClientRect().right > document.documentElement.clientWidth).map((node) => node.outerHTML)";
const WIDE = { width: 1000, height: 700 };
const NARROW = { width: 360, height: 700 };

/** bob, whose password is `bob`: made by mosquitto_passwd. */
const PASSWORDS =
	"bob:$7$101$A52/iuKUZ7Ot3wha$kfZ0lRINMdBcAyXMUEdgZlXxWtmPLvNhIcASDb6VPhYTA6kMVyNHi+1sCqwhmKQPbp0Gtr4rKUpTFMUEUwp4FQ==\n";

/** Headings of the pages. */
const TITLES = {
	overview: "MQTT broker",
	clients: "MQTT clients",
	topics: "Retained messages",
	access: "Users and access",
	settings: "MQTT settings",
	log: "MQTT log",
} as const;

const PAGES = ["overview", "clients", "topics", "access", "settings", "log"] as const;

let browser: Browser;
const ends: (() => unknown)[] = [];
before(async () => {
	browser = await startBrowser({ after: (end) => ends.push(end as () => unknown) });
});
after(async () => {
	for (const end of ends) await end();
});

/** An open page of LuCI. */
interface Shown {
	readonly page: Page;
	/** The button of that name, in a part of the page. */
	button(name: string, within?: Locator): Locator;
	/** Presses "Save & Apply", after which LuCI loads the page anew. */
	apply(): Promise<void>;
	/** The dialogue. */
	readonly dialogue: Locator;
	/** Nothing went wrong, nothing is wider than a telephone, and nothing hostile ran. Takes pictures, when they are wanted. */
	check(name: string): Promise<void>;
	close(): Promise<void>;
}

async function show(
	context: TestContext,
	world: World,
	view: string,
	session: "owner" | "reader" = "owner",
	language = "",
): Promise<Shown> {
	const open = await openPage(context, browser, { viewport: WIDE });
	const { page } = open;
	await page.goto(world.router.address(view, session, language));
	await page.locator("html[data-shown]").waitFor();
	const picture = async (name: string) => {
		const folder = process.env.MQTTD_SCREENSHOTS;
		if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
	};
	return {
		page,
		button: (name, within) => (within ?? page.locator("#view")).getByRole("button", { name, exact: true }),
		async apply() {
			await evaluate(page, "document.documentElement.dataset.old = 'true'");
			await page.getByRole("button", { name: "Save & Apply", exact: true }).click();
			await page.locator("html[data-shown]:not([data-old])").waitFor();
		},
		dialogue: page.locator(".modal-overlay-active .modal"),
		async check(name) {
			await picture(name);
			await page.setViewportSize(NARROW);
			await picture(`${name}-narrow`);
			assert.equal(await evaluate(page, "document.documentElement.scrollWidth"), NARROW.width, name);
			assert.deepEqual(await evaluate(page, OUTSIDE), [], name);
			await page.setViewportSize(WIDE);
			assert.equal(await evaluate(page, "window.hostile === undefined"), true, name);
			noFailures(open);
			assert.deepEqual(world.router.denied, [], name);
		},
		close: () => page.context().close(),
	};
}

/** The field of a form with that label. */
function field(within: Locator | Page, label: string): Locator {
	return within.getByLabel(label, { exact: true });
}

/** What is to be read in a part of a page. */
async function textOf(part: Locator): Promise<string> {
	return (await part.allInnerTexts()).join("\n");
}

/** A client that ends with the test. */
async function enter(
	context: TestContext,
	world: World,
	options: Parameters<typeof connect>[1],
): Promise<MqttClient> {
	const client = await connect(world.port, options);
	client.on("error", () => undefined);
	context.after(() => client.end(true));
	return client;
}

async function overview(context: TestContext, world: World): Promise<void> {
	const client = await enter(context, world, { clientId: "sensor" });
	await client.subscribeAsync("a/#");
	const back = messages(client, 20);
	for (let i = 0; i < 20; i++) await client.publishAsync(`a/${i}`, "x".repeat(200));
	await back;

	const { page, button, check, close } = await show(context, world, "overview");
	const state = page.locator("#mqttd-state");
	await state.getByText("running", { exact: true }).waitFor();
	assert.match(await textOf(state), /Versions\s+mqttd (\d+\.\d+\.\d+) \([a-z]+\), these pages \1; MQTT/);
	assert.match(await textOf(state), /1 connected, 0 away/);
	await state.getByText(/^20 received, \d+ sent, 0 dropped$/).waitFor();
	await state.getByText(/ since the start, .* today; the file has [1-9]/).waitFor();
	// A sample is taken each second: the chart has them once they are there.
	await page
		.locator(".mqttd-chart-legend")
		.first()
		.getByText(/[1-9][0-9.]*\/s at most/)
		.first()
		.waitFor();
	const line = page.locator(".mqttd-chart-line.mqttd-series-0").first();
	assert.match((await line.getAttribute("points")) ?? "", /^(\d+,\d+\.\d+ ?)+$/);
	await page.locator("#mqttd-listeners").getByText(`127.0.0.1:${world.port}`).waitFor();
	await check("overview");

	const gone = closed(client);
	await button("Stop").click();
	await page.getByText("The broker is not running.").waitFor();
	await gone;
	await check("overview-stopped");
	await button("Start").click();
	await state.getByText("running", { exact: true }).waitFor();
	assert.match(await textOf(state), /0 connected/);
	await button("Reload").click();
	await state.getByText("good", { exact: true }).waitFor();
	await button("Disable").click();
	await page.getByText("Does not start with the router.").waitFor();
	await button("Enable").click();
	await page.getByText("Starts with the router.").waitFor();
	await check("overview-reloaded");
	await close();
}

async function clients(context: TestContext, world: World): Promise<void> {
	const kicked = await enter(context, world, {
		clientId: HOSTILE,
		username: "alice <b>",
		protocolVersion: 5,
	});
	await kicked.subscribeAsync([`${HOSTILE}/+`, "home/#"]);
	await enter(context, world, { clientId: "stays" });
	const away = await enter(context, world, { clientId: "away", clean: false });
	await away.subscribeAsync("queue/#", { qos: 1 });
	await away.endAsync();
	await kicked.publishAsync("queue/1", "waits", { qos: 1 });

	const { page, button, dialogue, check, close } = await show(context, world, "clients");
	const list = page.locator("#mqttd-clients");
	const row = (id: string) => list.locator(".tr").filter({ has: page.getByText(id, { exact: true }) });
	await row(HOSTILE).getByText("laptop", { exact: true }).waitFor();
	assert.match(await textOf(row(HOSTILE)), /alice <b>[\s\S]*127\.0\.0\.1[\s\S]*MQTT 5\.0/);
	assert.match(await textOf(row("away")), /away[\s\S]*1\s+1\s+Details/);
	await check("clients");

	await page.getByPlaceholder("Identifier, user or address").pressSequentially("ALICE");
	await list.getByText("1 to 1 of 1").waitFor();
	await page.getByPlaceholder("Identifier, user or address").fill("");
	await list.getByText("1 to 3 of 3").waitFor();
	await page.getByLabel("State").selectOption("away");
	await list.getByText("1 to 1 of 1").waitFor();
	await page.getByLabel("State").selectOption("");
	await list.getByText("1 to 3 of 3").waitFor();

	await button("Details", row(HOSTILE)).click();
	await dialogue.getByText(`${HOSTILE}/+`, { exact: true }).waitFor();
	assert.match(await textOf(dialogue), /Host name\s+laptop/);
	await check("clients-details");
	await button("Dismiss", dialogue).click();

	await button("Disconnect", row(HOSTILE)).click();
	await dialogue.getByText(HOSTILE, { exact: true }).waitFor();
	await check("clients-kick");
	await button("Cancel", dialogue).click();
	const gone = closed(kicked);
	await button("Disconnect", row(HOSTILE)).click();
	await button("Disconnect", dialogue).click();
	await gone;
	await list.getByText("1 to 2 of 2").waitFor();
	await button("End session", row("away")).click();
	await button("End session", dialogue).click();
	await list.getByText("1 to 1 of 1").waitFor();
	await check("clients-kicked");
	await close();
}

async function topics(context: TestContext, world: World): Promise<void> {
	const client = await enter(context, world, { clientId: "publisher" });
	const keep = (topic: string, payload: string | Buffer) =>
		client.publishAsync(topic, payload, { retain: true, qos: 1 });
	await keep("home/kitchen/temperature", '{"value":21.5,"unit":"<b>C</b>"}');
	await keep("home/kitchen/camera", Buffer.from([0xff, 0xd8, 0x00, 0x41]));
	await keep("home/garage", HOSTILE);
	await keep(`${HOSTILE}/x`, "hostile topic");
	await keep("/leading", "1");

	const { page, button, dialogue, check, close } = await show(context, world, "topics");
	const tree = page.locator("#mqttd-topics");
	const node = (topic: string) => tree.locator(`li[data-topic="${topic}"] > .mqttd-node`);
	const open = (topic: string) => node(topic).getByLabel("Show what is below").click();
	await tree.getByText(HOSTILE, { exact: true }).waitFor();
	await tree.getByText("(empty level)").waitFor();
	await open("home");
	await node("home/garage").waitFor();
	await open("home/kitchen");
	await node("home/kitchen/camera").waitFor();
	await check("topics");

	await button("View", node("home/kitchen/temperature")).click();
	await dialogue.getByText('{"value":21.5,"unit":"<b>C</b>"}', { exact: true }).waitFor();
	await dialogue.getByText("JSON", { exact: true }).click();
	await dialogue.getByText(/"value": 21\.5,\n/).waitFor();
	await check("topics-view");
	await button("Dismiss", dialogue).click();
	await button("View", node("home/kitchen/camera")).click();
	await dialogue.getByText(/^000000 {2}ff d8 00 41 .* {2}\.\.\.A$/).waitFor();
	await button("Dismiss", dialogue).click();
	await button("View", node("home/garage")).click();
	await dialogue.getByText(HOSTILE, { exact: true }).waitFor();
	await check("topics-hostile");
	await button("Delete", dialogue).click();
	await button("Delete", dialogue).click();
	await tree.getByText("home", { exact: true }).waitFor();
	await open("home");
	await node("home/kitchen").waitFor();
	assert.equal(await node("home/garage").count(), 0);

	await button("Publish…").click();
	await field(dialogue, "Topic").fill("home/+/wrong");
	await button("Publish", dialogue).click();
	assert.match((await field(dialogue, "Topic").getAttribute("class")) ?? "", /cbi-input-invalid/);
	await field(dialogue, "Topic").fill("home/hall");
	await field(dialogue, "Payload").fill("ünïcödé");
	await check("topics-publish");
	const arrived = messages(client, 1);
	await client.subscribeAsync("home/hall", { qos: 1 });
	await field(dialogue, "QoS").selectOption("1");
	await button("Publish", dialogue).click();
	assert.deepEqual(await arrived, [{ topic: "home/hall", payload: "ünïcödé", qos: 1, retain: false }]);
	await page.getByText("Published to 1 subscribers.").waitFor();

	await page.getByPlaceholder("Part of a topic").pressSequentially("KITCHEN");
	await tree.getByText("home/kitchen/temperature", { exact: true }).waitFor();
	await tree.getByText("1 to 2 of 2").waitFor();
	await check("topics-search");
	await page.getByPlaceholder("Part of a topic").fill("");
	await button("Delete all", node("home")).click();
	await dialogue.getByText(/All 3 retained messages/).waitFor();
	await button("Delete", dialogue).click();
	await node("home").waitFor({ state: "detached" });
	await check("topics-deleted");
	await close();
}

/** More clients, and more topics, than are shown at once. */
async function pages(context: TestContext, world: World): Promise<void> {
	const clients = await Promise.all(
		Array.from({ length: 51 }, (_, i) => enter(context, world, { clientId: `client-${i}` })),
	);
	const [publisher] = clients;
	assert.ok(publisher);
	for (let i = 0; i < 102; i++) {
		publisher.publish(`topic-${i}`, "x", { retain: true });
	}
	await publisher.publishAsync("last", "x", { retain: true, qos: 1 });

	const listed = await show(context, world, "clients");
	const list = listed.page.locator("#mqttd-clients");
	await list.getByText("1 to 50 of 51").waitFor();
	await listed.button("Next »").click();
	await list.getByText("51 to 51 of 51").waitFor();
	assert.equal(await list.locator(".mqttd-id").count(), 1);
	await listed.button("« Previous").click();
	await list.getByText("1 to 50 of 51").waitFor();
	await listed.check("pages-clients");
	await listed.close();

	const shown = await show(context, world, "topics");
	const tree = shown.page.locator("#mqttd-topics");
	assert.equal(await tree.locator("li[data-topic]").count(), 100);
	await shown.button("3 more…").click();
	await tree.locator("li[data-topic]").nth(102).waitFor();
	assert.equal(await shown.button("3 more…").count(), 0);
	await shown.page.getByPlaceholder("Part of a topic").fill("topic");
	await tree.getByText("1 to 100 of 102").waitFor();
	await shown.button("Next »").click();
	await tree.getByText("101 to 102 of 102").waitFor();
	await shown.check("pages-topics");
	await shown.close();
}

async function access(context: TestContext, world: World): Promise<void> {
	const { page, button, dialogue, apply, check, close } = await show(context, world, "access");

	await button("Add user").first().click();
	await field(dialogue, "User name").fill("a:b");
	await field(dialogue, "Password").fill("secret");
	await button("Save", dialogue).click();
	assert.match((await field(dialogue, "User name").getAttribute("class")) ?? "", /cbi-input-invalid/);
	await field(dialogue, "User name").fill("alice");
	await check("access-user");
	await button("Save", dialogue).click();
	await page.locator("#cbi-mqttd-user").getByText("alice", { exact: true }).waitFor();

	await button("Add rule").click();
	await field(dialogue, "Users").fill("alice");
	await field(dialogue, "Users").press("Enter");
	await field(dialogue, "Access").selectOption("read");
	await field(dialogue, "Topic filters").pressSequentially("home/#/x");
	await field(dialogue, "Topic filters").press("Enter");
	await button("Save", dialogue).click();
	assert.match((await field(dialogue, "Topic filters").getAttribute("class")) ?? "", /cbi-input-invalid/);
	assert.equal(await dialogue.locator(".item").filter({ hasText: "home/#/x" }).count(), 0);
	await field(dialogue, "Topic filters").fill("");
	await field(dialogue, "Topic filters").pressSequentially("home/#");
	await field(dialogue, "Topic filters").press("Enter");
	await check("access-rule");
	await button("Save", dialogue).click();
	await page.locator("#cbi-mqttd-acl").getByText("home/#", { exact: true }).waitFor();
	await apply();
	const text = world.uci.text("mqttd");
	assert.ok(!text.includes("secret"), text);
	assert.match(text, /config user\n\toption username 'alice'\n\toption password '\$7\$/);

	const alice = await enter(context, world, { clientId: "alice's", username: "alice", password: "secret" });
	await assert.rejects(connect(world.port, { username: "alice", password: "wrong" }));
	assert.equal(alice.connected, true);
	const answer = page.locator("#mqttd-answer");
	await field(page, "Client").fill("alice's");
	await page.locator("[id='widget.mqttd-why-topic']").fill("home/kitchen");
	await button("Ask").click();
	await answer.getByText("No.", { exact: true }).waitFor();
	await page.locator("[id='widget.mqttd-why-access']").selectOption("read");
	await button("Ask").click();
	await answer.getByText("Yes.", { exact: true }).waitFor();
	assert.match(await textOf(answer), /home\/#/);
	await check("access");

	// Her password stays as it is when the dialogue has none.
	await button("Edit", page.locator("#cbi-mqttd-user")).click();
	assert.equal(await field(dialogue, "Password").inputValue(), "");
	await field(dialogue, "User name").fill("alicia");
	await button("Save", dialogue).click();
	await page.locator("#cbi-mqttd-user").getByText("alicia", { exact: true }).waitFor();
	await apply();
	assert.match(
		world.uci.text("mqttd"),
		/option username 'alicia'\n\toption password '\$7\$|option password '\$7\$[\s\S]*option username 'alicia'/,
	);
	await enter(context, world, { username: "alicia", password: "secret" });
	await check("access-renamed");
	await close();
}

async function passwordFiles(context: TestContext, world: World): Promise<void> {
	const { page, button, dialogue, check, close } = await show(context, world, "access");
	const files = page.locator("#mqttd-files");
	await files.getByText("bob", { exact: true }).waitFor();
	await button("Add user", files).click();
	await button("Save", dialogue).click();
	assert.match((await field(dialogue, "User name").getAttribute("class")) ?? "", /cbi-input-invalid/);
	await field(dialogue, "User name").fill("carol");
	await field(dialogue, "Password").fill("pass");
	await check("access-file-user");
	await button("Save", dialogue).click();
	const row = (name: string) => files.locator(".tr").filter({ has: page.getByText(name, { exact: true }) });
	await row("carol").waitFor();
	await enter(context, world, { username: "carol", password: "pass" });
	await button("Change password", row("carol")).click();
	await field(dialogue, "Password").fill("other");
	await button("Save", dialogue).click();
	await dialogue.waitFor({ state: "hidden" });
	const carol = await enter(context, world, { username: "carol", password: "other" });
	const gone = closed(carol);
	await button("Delete", row("carol")).click();
	await button("Delete", dialogue).click();
	await row("carol").waitFor({ state: "detached" });
	await gone;
	await check("access-file");
	await close();
}

async function settings(context: TestContext, world: World): Promise<void> {
	const { page, button, dialogue, apply, check, close } = await show(context, world, "settings");
	const tab = (name: string, within: Locator | Page = page) =>
		within.locator(".cbi-tabmenu").getByText(name, { exact: true });
	await tab("Limits").click();
	await field(page, "Max queued messages").fill("many");
	await field(page, "Max queued messages").blur();
	await check("settings-limits");
	await button("Save", page.locator(".cbi-page-actions")).click();
	await dialogue.getByText(/"Max queued messages" contains an invalid input value/).waitFor();
	await button("Dismiss", dialogue).click();
	await field(page, "Max queued messages").fill("500");
	await tab("Messages and sessions").click();
	await page.getByText("Queue QoS 0 messages", { exact: true }).click();
	await field(page, "Persistent client expiration").fill("2 weeks");
	await button("Save", page.locator(".cbi-page-actions")).click();
	await dialogue.getByText(/a number followed by/).waitFor();
	await button("Dismiss", dialogue).click();
	await field(page, "Persistent client expiration").fill("2w");
	await button("Save", page.locator(".cbi-page-actions")).click();
	await page.locator(".cbi-button-save:not(.spinning)").waitFor();

	await tab("Bridges").click();
	await page.getByText(/This version has none yet/).waitFor();
	await button("Add bridge").click();
	await field(dialogue, "Connection").fill("cloud");
	await field(dialogue, "Address").first().fill("a.example:8883");
	await field(dialogue, "Topic").fill("home/# out 1");
	await field(dialogue, "Topic").press("Enter");
	await check("settings-bridge");
	await button("Save", dialogue).click();
	await page.locator("#cbi-mqttd-bridge").getByText("cloud", { exact: true }).waitFor();

	await tab("Listeners").first().click();
	await button("Add listener").click();
	await field(dialogue, "Port").fill("70000");
	await field(dialogue, "Protocol").selectOption("websockets");
	await button("Save", dialogue).click();
	assert.match((await field(dialogue, "Port").getAttribute("class")) ?? "", /cbi-input-invalid/);
	await field(dialogue, "Port").fill("auto");
	await dialogue.getByText("No remote access", { exact: true }).click();
	await check("settings-listener");
	await button("Save", dialogue).click();
	await page.locator("#cbi-mqttd-listener").getByText("websockets", { exact: true }).waitFor();
	await check("settings-listeners");
	await apply();
	const text = world.uci.text("mqttd");
	assert.match(text, /option max_queued_messages '500'/);
	assert.match(text, /option queue_qos0_messages '1'/);
	assert.match(text, /option persistent_client_expiration '2w'/);
	assert.match(text, /config bridge\n\toption connection 'cloud'\n\toption address 'a\.example:8883'/);
	assert.match(text, /\tlist topic 'home\/# out 1'/);
	assert.match(
		text,
		/config listener\n\toption port 'auto'\n\toption no_remote_access '1'\n\toption protocol 'websockets'/,
	);
	assert.equal(text.match(/option allow_anonymous '1'/g)?.length, 1, text);
	await close();

	const after = await show(context, world, "overview");
	await after.page.locator("#mqttd-listeners").getByText("websockets", { exact: true }).waitFor();
	await after.page.locator("#mqttd-state").getByText("good", { exact: true }).waitFor();
	await after.close();
}

async function log(context: TestContext, world: World): Promise<void> {
	const { page, button, check, close } = await show(context, world, "log");
	const output = page.locator("#mqttd-log");
	await enter(context, world, { clientId: HOSTILE });
	await output.getByText(`as ${HOSTILE}`).first().waitFor();
	await check("log");
	await page.getByPlaceholder("Part of a line").fill("NEW CLIENT");
	assert.ok((await output.locator(".mqttd-line").count()) >= 1);
	assert.equal(await output.getByText("listen socket").count(), 0);
	await page.getByPlaceholder("Part of a line").fill("");
	await output.getByText("listen socket").first().waitFor();
	await page.getByLabel("Level").selectOption("error");
	assert.equal(await output.locator('.mqttd-line:not([data-type="error"])').count(), 0);
	await page.getByLabel("Level").selectOption("");
	await button("Pause").click();
	await button("Continue").click();
	await enter(context, world, { clientId: "afterwards" });
	await output.getByText("as afterwards").first().waitFor();
	await check("log-continued");
	await close();
}

/** What changes something, by page. */
const CHANGING: Readonly<Record<(typeof PAGES)[number], readonly string[]>> = {
	overview: ["Start", "Stop", "Restart", "Reload", "Disable"],
	clients: ["Disconnect"],
	topics: ["Publish…"],
	access: ["Add rule", "Add user", "Save"],
	settings: ["Save"],
	log: [],
};

/**
 * Who may only read sees all pages, makes no call that is refused, and cannot press what changes something; all that in another
 * language.
 */
async function readOnly(context: TestContext, world: World): Promise<void> {
	const client = await enter(context, world, { clientId: "seen" });
	await client.publishAsync("kept", "x", { retain: true, qos: 1 });
	const catalogue = catalogues(LUCI_APP).get("zh_Hant");
	const translated = (text: string) => catalogue?.get(text) ?? assert.fail(`no translation of ${text}`);
	for (const view of PAGES) {
		const { page, button, check, close } = await show(context, world, view, "reader", "zh_Hant");
		await page.locator("h2").getByText(translated(TITLES[view]), { exact: true }).waitFor();
		for (const name of CHANGING[view]) {
			assert.equal(await button(translated(name)).first().isDisabled(), true, `${view}: ${name}`);
		}
		if (view === "topics") {
			await button(translated("View"), page.locator("#mqttd-topics")).click();
			assert.equal(await button(translated("Delete"), page.locator(".modal")).isDisabled(), true);
		}
		await check(`read-only-${view}`);
		await close();
	}
}

/** What LuCI would let pass, or do something else with than was meant. */
const MISUSES = [
	"E('<b>markup</b>')",
	"E('svg')",
	"E('button', { disabled: false })",
	"E('p', {}, [ [ 'text' ] ])",
	"E('p', {}, [ null ])",
	"E([]).remove(E([], { id: 'x' }))",
	"_('a text that no catalogue has')",
	"_(12)",
	"L.nothing",
	"'%d and %d'.format(1)",
	"'%d'.format(1, 2)",
	"'%d'.format('x')",
	"'%d'.format(3000000000)",
	"'%q'.format(1)",
];

/** The stand-in of LuCI tells misuses: what passes with it is right. */
async function misuses(context: TestContext, world: World): Promise<void> {
	const { page, close } = await show(context, world, "overview");
	for (const code of MISUSES) {
		const script = `(() => { try { ${code}; return "passed"; } catch (error) { return error.name; } })()`;
		assert.equal(await evaluate(page, script), "MisuseError", code);
	}
	await close();
}

type Check = (context: TestContext, world: World) => Promise<void>;

/** Pages by host: everything on the one that a router's is most like and that is fast, of the others what they could change. */
const CHECKS: Readonly<Record<BuiltProgram["name"], Readonly<Record<string, Check>>>> = {
	x86_64: { overview, clients, topics, pages, access, settings, log, readOnly, misuses },
	node: { overview, clients, topics, access },
	mips: { clients, topics },
};

for (const program of builtPrograms()) {
	describe(program.name, () => {
		for (const [name, run] of Object.entries(CHECKS[program.name])) {
			test(name, async (context) => run(context, await World.start(context, program)));
		}
		if (program.name !== "x86_64") return;
		test("passwordFiles", async (context) => {
			await passwordFiles(context, await World.start(context, program, { passwords: PASSWORDS }));
		});
	});
}
