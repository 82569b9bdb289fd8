/** What an owner asks and does: the log, who may what and why, users and passwords, reload. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Status } from "../../../../src/ubus/status.ts";
import { fakeError } from "../../../fake/host.ts";
import { CONFIG } from "../world.ts";
import { type Answer, Bench } from "./bench.ts";

describe("log", () => {
	test("lines since a number, of some types, the last of them", async () => {
		const bench = await Bench.start();
		const texts = ({ lines }: Answer) => lines.map(({ text }: { text: string }) => text);
		const first = await bench.call("log");
		assert.equal(first.lost, undefined);
		assert.equal(first.lines[0].number, 1);
		assert.match(first.lines[0].text, /^mqttd version .* starting$/);
		assert.equal(first.lines[0].type, "information");
		assert.equal(first.lines.at(-1).number, first.last);
		bench.world.visit({ fields: { clientId: "x\u0085y" } });
		bench.world.visit({ fields: { clientId: "who" } });
		const next = await bench.call("log", { since: first.last });
		assert.equal(next.lines[0].number, first.last + 1);
		assert.match(texts(next).join("\n"), /New client connected from 192\.0\.2\.1:\d+ as who/);
		assert.deepEqual((await bench.call("log", { since: next.last })).lines, []);
		const [last] = (await bench.call("log", { limit: 1 })).lines;
		assert.equal(last.number, next.last);
		const warnings = await bench.call("log", { type: "error warning" });
		assert.ok(warnings.lines.every(({ type }: { type: string }) => type === "error" || type === "warning"));
		const fresh = await bench.call("log", { since: 1_000_000 });
		assert.equal(fresh.lost, true, "a number of a broker that ran before");
		assert.equal(fresh.lines[0].number, 1);
	});

	test("is bounded, and tells when lines are gone", async () => {
		const bench = await Bench.start();
		const { last } = await bench.call("log");
		const visitor = bench.world.visit({ fields: { clientId: "x".repeat(900) } });
		for (let i = 0; i < 400; i++) {
			bench.world.visit({ fields: { clientId: "x".repeat(900) } }).peer?.end();
		}
		const { lost, lines } = await bench.call("log", { since: last, limit: 1000 });
		assert.equal(lost, true);
		const characters = lines.reduce((sum: number, { text }: { text: string }) => sum + text.length, 0);
		assert.ok(characters > 130_000 && characters <= 131_072, `${characters} characters`);
		assert.equal(visitor.isServed, false);
	});
});

const ACL = [
	"topic read news/#",
	"user ann",
	"topic readwrite home/#",
	"topic deny home/safe",
	"# for all",
	"pattern write dev/%c/state",
].join("\n");

describe("why", () => {
	const ask = async (bench: Bench, access: string, topic: string, more: object = {}) => {
		const { allowed, reason, text, rule } = await bench.call("why", { access, topic, ...more });
		assert.equal(typeof text, "string");
		return [allowed, reason, rule?.line];
	};

	test("the line of an ACL file, for clients that are connected and for others", async () => {
		const bench = await Bench.start("acl_file /acl\n", { "/acl": ACL });
		bench.world.visit({ fields: { clientId: "c1", username: "ann", password: "x" } }).take();
		const c1 = { client: "c1" };
		assert.deepEqual(await ask(bench, "publish", "home/a", c1), [true, "rule", 3]);
		assert.deepEqual(await ask(bench, "publish", "home/safe", c1), [false, "rule", 4]);
		assert.deepEqual(await ask(bench, "publish", "dev/c1/state", c1), [true, "rule", 6]);
		assert.deepEqual(await ask(bench, "publish", "dev/c2/state", c1), [false, "no_match", undefined]);
		assert.deepEqual(await ask(bench, "read", "news/1", c1), [false, "no_match", undefined]);
		assert.deepEqual(await ask(bench, "read", "news/1", { ...c1, user: "" }), [true, "rule", 1]);
		assert.deepEqual(await ask(bench, "read", "news/1"), [true, "rule", 1]);
		assert.deepEqual(await ask(bench, "read", "home/a", { user: "ann" }), [true, "rule", 3]);
		assert.deepEqual(await ask(bench, "publish", "$SYS/a", c1), [false, "reserved", undefined]);
		const answer = await bench.call("why", { access: "subscribe", topic: "home/safe", ...c1 });
		assert.deepEqual(answer, {
			allowed: true,
			reason: "not_asked",
			text: "An ACL file refuses no subscription: what may not be read is not delivered.",
			client: "c1",
			user: "ann",
			connected: true,
			listener: "1",
			login: { allowed: true, text: "User names are not asked for." },
			delivered: {
				allowed: false,
				reason: "rule",
				text: "/acl line 4: topic deny home/safe",
				rule: { source: "acl", file: "/acl", line: 4, text: "topic deny home/safe" },
			},
		});
	});

	test("listeners differ; who may not come in is told why", async () => {
		const config = [
			"per_listener_settings true",
			"listener 1",
			"allow_anonymous true",
			"listener 2",
			"acl_file /acl",
			"password_file /passwd",
		].join("\n");
		const bench = await Bench.start(config, { "/acl": ACL, "/passwd": "ann:$6$AAAA$AAAA\n" });
		assert.deepEqual(await ask(bench, "publish", "x"), [true, "no_rules", undefined]);
		assert.deepEqual(await ask(bench, "publish", "x", { listener: "2" }), [false, "no_match", undefined]);
		const unknown = { access: "read", topic: "x", listener: "3" };
		assert.equal(await bench.status("why", unknown), Status.NOT_FOUND);
		const login = async (more: object) =>
			(await bench.call("why", { access: "read", topic: "x", ...more })).login;
		assert.deepEqual(await login({}), { allowed: true, text: "Anonymous clients may connect." });
		const second = { listener: "2" };
		assert.deepEqual(await login(second), { allowed: false, text: "Anonymous clients are not allowed." });
		assert.deepEqual(await login({ ...second, user: "bob" }), {
			allowed: false,
			text: "There is no user 'bob'.",
		});
	});

	test("roles and defaults of dynamic security", async () => {
		const acl = (acltype: string, topic: string, allow: boolean) => ({ acltype, topic, allow, priority: 0 });
		const model = {
			defaultACLAccess: {
				publishClientSend: false,
				publishClientReceive: true,
				subscribe: false,
				unsubscribe: true,
			},
			roles: [
				{ rolename: "own", acls: [acl("publishClientSend", "a/%u", true)] },
				{ rolename: "shared", acls: [acl("subscribePattern", "b/#", true)] },
			],
			groups: [{ groupname: "all", roles: [{ rolename: "shared" }], clients: [{ username: "ann" }] }],
			clients: [
				{ username: "ann", roles: [{ rolename: "own" }] },
				{ username: "bob", disabled: true },
			],
		};
		const config = [
			"plugin mosquitto_dynamic_security.so",
			"plugin_opt_config_file /dynsec.json",
			"listener 1",
		].join("\n");
		const bench = await Bench.start(config, { "/dynsec.json": JSON.stringify(model) });
		const rule = async (access: string, topic: string, user: string) => {
			const answer = await bench.call("why", { access, topic, user });
			return [answer.allowed, answer.reason, answer.text];
		};
		assert.deepEqual(await rule("publish", "a/ann", "ann"), [
			true,
			"rule",
			"role 'own': publishClientSend a/%u allow",
		]);
		assert.deepEqual(await rule("publish", "a/bob", "ann"), [
			false,
			"default",
			"dynamic security's default: publishClientSend deny",
		]);
		assert.deepEqual(await rule("subscribe", "b/+", "ann"), [
			true,
			"rule",
			"role 'shared' of group 'all': subscribePattern b/# allow",
		]);
		assert.deepEqual((await rule("read", "x", "ann")).slice(0, 2), [true, "default"]);
		assert.deepEqual((await rule("read", "x", "stranger")).slice(0, 2), [false, "no_match"]);
		const { login } = await bench.call("why", { access: "read", topic: "x", user: "bob" });
		assert.deepEqual(login, { allowed: false, text: "the client 'bob' is disabled" });
	});
});

describe("users and passwords", () => {
	const CONFIGURED = "listener 1\npassword_file /passwd\n";

	test("set, changed and deleted; the file's other lines stay, and the broker takes it at once", async () => {
		const bench = await Bench.start(CONFIGURED, { "/passwd": "# people\n" });
		const { world } = bench;
		const file = () => Buffer.from(world.host.files.read("/passwd", 10_000)).toString();
		const set = await bench.call("passwd", { user: "ann", password: "secret" });
		assert.deepEqual(set, { file: "/passwd", added: true, ok: true, errors: [] });
		assert.match(file(), /^# people\nann:\$7\$1000\$[^\n]+\n$/);
		const login = (password: string) => world.visit({ fields: { username: "ann", password } });
		const ann = login("secret");
		await bench.call("status");
		assert.ok(ann.isServed);
		const shown = await bench.call("users");
		assert.deepEqual(shown, {
			total: 1,
			offset: 0,
			files: ["/passwd"],
			users: [{ name: "ann", file: "/passwd", connections: 1 }],
		});
		assert.equal((await bench.call("passwd", { user: "ann", password: "other" })).added, false);
		assert.equal(ann.isServed, false, "whose password has changed is disconnected");
		const again = login("other");
		await bench.call("status");
		assert.ok(again.isServed);
		await bench.call("passwd", { user: "bob", password: "x" });
		assert.deepEqual((await bench.call("users", { search: "B" })).total, 1);
		await bench.call("passwd", { user: "ann", delete: true });
		assert.match(file(), /^# people\nbob:[^\n]+\n$/);
		assert.equal(again.isServed, false);
		assert.equal(await bench.status("passwd", { user: "ann", delete: true }), Status.NOT_FOUND);
	});

	test("two at once do not lose each other", async () => {
		const bench = await Bench.start(CONFIGURED, { "/passwd": "" });
		const names = ["a", "b", "c"];
		await Promise.all(names.map((user) => bench.call("passwd", { user, password: "x" })));
		const { users } = await bench.call("users");
		assert.deepEqual(
			users.map(({ name }: { name: string }) => name),
			names,
		);
	});

	test("which file; none; one that cannot be written", async () => {
		const none = await Bench.start();
		assert.equal(await none.status("passwd", { user: "a", password: "x" }), Status.NOT_SUPPORTED);
		const config = [
			"per_listener_settings true",
			"listener 1",
			"password_file /one",
			"listener 2",
			"password_file /two",
		].join("\n");
		const bench = await Bench.start(config, { "/one": "", "/two": "" });
		const ann = { user: "ann", password: "x" };
		assert.equal(await bench.status("passwd", ann), Status.INVALID_ARGUMENT);
		assert.equal(await bench.status("passwd", { ...ann, file: "/three" }), Status.NOT_FOUND);
		assert.equal((await bench.call("passwd", { ...ann, file: "/two" })).file, "/two");
		bench.world.host.files.replace = () => {
			throw fakeError("EACCES");
		};
		assert.equal(await bench.status("passwd", { ...ann, file: "/two" }), Status.PERMISSION_DENIED);
		assert.ok(bench.log.some((line) => line.startsWith("Error: Unable to write password file /two")));
	});
});

describe("reload", () => {
	test("tells how it went, and so does status", async () => {
		const bench = await Bench.start();
		const { host } = bench.world;
		assert.equal((await bench.call("status")).reload, undefined);
		assert.deepEqual(await bench.call("reload"), { ok: true, errors: [] });
		const text = Buffer.from(host.files.read(CONFIG, 10_000)).toString();
		host.files.put(CONFIG, `${text}nonsense 1\n`);
		const { ok, errors } = await bench.call("reload");
		assert.equal(ok, false);
		assert.equal(errors[0], "Error: Unknown configuration variable 'nonsense'.");
		const { reload } = await bench.call("status");
		assert.deepEqual({ ...reload, time: 0 }, { time: 0, ok: false, errors });
	});
});
