/**
 * Dynamic security beside Debian's mosquitto and its plugin (2.0): the same file and the same commands; what each client may
 * do, what is answered, and what is kept. Each then goes on with the other's file.
 */

import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { type Packet, PacketType } from "../../src/packet/packet.ts";
import { type BuiltProgram, builtPrograms, configFile, startBroker, temporaryFolder } from "./harness.ts";
import { dynsecPlugin, startMosquitto } from "./mosquitto.ts";
import { type Place, RawClient } from "./raw-client.ts";

/** `older`: what mosquitto 2.0 does instead. */
const STEPS = JSON.parse(
	readFileSync(new URL("../vectors/dynsec.json", import.meta.url), "utf8"),
) as readonly { readonly request: unknown; readonly older?: string }[];

const TOPIC = "$CONTROL/dynamic-security/v1";
const NOT_AUTHORIZED = 0x87;

type Rule = readonly [acltype: string, topic: string, allow: boolean, priority?: number];

function role(rolename: string, ...rules: Rule[]): object {
	const acls = rules.map(([acltype, topic, allow, priority = 0]) => ({ acltype, topic, allow, priority }));
	return { rolename, acls };
}

function ranked(nameField: string, ...names: (readonly [string, number?])[]): object[] {
	return names.map(([name, priority]) => ({
		[nameField]: name,
		...(priority === undefined ? {} : { priority }),
	}));
}

const SALT = Buffer.alloc(12, 7);

function client(username: string, roles: object[]): object {
	const password = pbkdf2Sync(`secret of ${username}`, SALT, 101, 64, "sha512").toString("base64");
	return { username, password, salt: SALT.toString("base64"), iterations: 101, roles };
}

/**
 * All kinds of rules, and orders that matter: of roles, of groups, and of rules in a role. mosquitto 2.0 does not have %c and
 * %u here, and lets `#` stand for what begins with $.
 */
const FIRST = {
	defaultACLAccess: {
		publishClientSend: false,
		publishClientReceive: false,
		subscribe: true,
		unsubscribe: false,
	},
	anonymousGroup: "anybody",
	clients: [
		client("admin", ranked("rolename", ["control"], ["everything"])),
		client("ann", ranked("rolename", ["low", 1], ["high", 5], ["base"])),
		client("bob", ranked("rolename", ["base"])),
		client("carl", ranked("rolename", ["base", 2], ["names", 3])),
		client("dora", []),
	],
	groups: [
		{ groupname: "anybody", roles: ranked("rolename", ["base"], ["low"]), clients: [] },
		{ groupname: "first", roles: ranked("rolename", ["high"]), clients: ranked("username", ["bob", 9]) },
		{
			groupname: "second",
			roles: ranked("rolename", ["low", 50]),
			clients: ranked("username", ["bob", 3], ["dora"]),
		},
	],
	roles: [
		role(
			"control",
			["publishClientSend", "$CONTROL/#", true],
			["publishClientReceive", "$CONTROL/#", true],
			["subscribePattern", "$CONTROL/#", true],
		),
		role("everything", ["publishClientSend", "#", true], ["publishClientReceive", "#", true]),
		role("base", ["subscribeLiteral", "#", true], ["publishClientReceive", "base/#", true]),
		role(
			"high",
			["publishClientSend", "a/#", true, 1],
			["publishClientSend", "a/b", false, 2],
			["publishClientReceive", "a/+", false],
			["publishClientReceive", "a/#", true],
			["subscribeLiteral", "lit/#", true],
			["subscribeLiteral", "lit/+", false],
			["subscribePattern", "a/#", true, 1],
			["subscribePattern", "a/+/x", false, 3],
			["unsubscribeLiteral", "lit/#", true],
			["unsubscribePattern", "a/+", true],
		),
		role(
			"low",
			["publishClientSend", "a/#", false],
			["publishClientSend", "low", true],
			["publishClientReceive", "#", true, -1],
			["publishClientReceive", "no/#", false, 1],
			["subscribePattern", "+/y", false],
			["subscribePattern", "low/#", true],
			["unsubscribePattern", "#", true],
		),
		role(
			"names",
			["publishClientSend", "u/carl/#", true],
			["publishClientSend", "c/id-c", true],
			["publishClientReceive", "u/carl/#", true],
			["subscribePattern", "u/carl/#", true],
			["subscribePattern", "#", false],
			["unsubscribePattern", "c/id-c/+", true],
		),
	],
};

const CLIENTS: readonly (readonly [clientId: string, username: string | undefined])[] = [
	["id-a", "ann"],
	["id-b", "bob"],
	["id-c", "carl"],
	["id-d", "dora"],
	["id-e", undefined],
];

const TOPICS = [
	"a",
	"a/b",
	"a/b/c",
	"a/c",
	"low",
	"no/1",
	"base",
	"base/1",
	"u/carl/1",
	"u/ann/1",
	"c/id-c",
	"c/id-a",
	"x",
];

const FILTERS = [
	...[
		"a",
		"a/#",
		"a/+",
		"a/+/x",
		"a/b/x",
		"a/b",
		"+/y",
		"a/y",
		"+/+",
		"lit/#",
		"lit/+",
		"lit/1",
		"low",
		"low/+/#",
	],
	...["u/carl/#", "u/+/#", "u/carl/1", "c/id-c/1", "c/id-c/+", "c/id-c/#", "x/#"],
];

/** Somebody connected, with the topics of what came. */
class Person {
	readonly connection: RawClient;
	private readonly topics = new Set<string>();
	private answered: (text: string) => void = () => undefined;

	private constructor(connection: RawClient) {
		this.connection = connection;
		connection.listen((packet) => {
			if (packet.type !== PacketType.PUBLISH) return;
			if (packet.topic.startsWith("$CONTROL")) this.answered(Buffer.from(packet.payload).toString());
			else this.topics.add(packet.topic);
		});
	}

	static async open(
		place: Place,
		clientId: string,
		username: string | undefined,
		password?: string,
	): Promise<Person> {
		const login = username === undefined ? {} : { username, password: password ?? `secret of ${username}` };
		return new Person((await RawClient.open(place, { clientId, cleanStart: true, ...login })).client);
	}

	/** The topics of what has come since; a broker answers after what it sent before. */
	async taken(): Promise<ReadonlySet<string>> {
		this.connection.send({ type: PacketType.PINGREQ });
		await this.connection.next(PacketType.PINGRESP);
		const taken = new Set(this.topics);
		this.topics.clear();
		return taken;
	}

	async publish(topic: string): Promise<boolean> {
		this.connection.publish(topic, "x", 1, 1);
		return mayDo(await this.connection.next(PacketType.PUBACK));
	}

	async subscribe(topicFilter: string): Promise<boolean> {
		const subscriptions = [
			{ topicFilter, qos: 0, noLocal: true, retainAsPublished: false, retainHandling: 0 },
		] as const;
		this.connection.send({
			type: PacketType.SUBSCRIBE,
			packetId: 1,
			properties: null,
			subscriptions: [...subscriptions],
		});
		return mayDo(await this.connection.next(PacketType.SUBACK));
	}

	async unsubscribe(topicFilter: string): Promise<boolean> {
		this.connection.send({
			type: PacketType.UNSUBSCRIBE,
			packetId: 2,
			properties: null,
			topicFilters: [topicFilter],
		});
		return mayDo(await this.connection.next(PacketType.UNSUBACK));
	}

	/** Sends commands; what is answered. */
	async ask(request: unknown): Promise<unknown> {
		const answer = new Promise<string>((resolve) => {
			this.answered = resolve;
		});
		this.connection.publish(TOPIC, typeof request === "string" ? request : JSON.stringify(request), 0, 0);
		return comparable(JSON.parse(await answer));
	}
}

function mayDo(packet: Packet): boolean {
	if (packet.type === PacketType.PUBACK) return packet.reasonCode !== NOT_AUTHORIZED;
	if (packet.type !== PacketType.SUBACK && packet.type !== PacketType.UNSUBACK)
		throw new Error("another packet");
	return packet.reasonCodes?.[0] !== NOT_AUTHORIZED;
}

/** Without what mosquitto 2.0 does not have, and what is random. */
const NEWER = ["connections", "allowwildcardsubs", "changeIndex", "password", "salt", "iterations"];

function comparable(tree: unknown): unknown {
	return JSON.parse(JSON.stringify(tree), (key, value) => {
		if (NEWER.includes(key)) return undefined;
		return key === "priority" ? Math.max(-100_000, Math.min(100_000, value)) : value;
	});
}

/** mosquitto 2.0 takes a rule a second time in the same command. */
function once(request: unknown): unknown {
	return JSON.parse(JSON.stringify(request), (key, value) => {
		if (key !== "acls" || !Array.isArray(value)) return value;
		const names = value.map(({ acltype, topic }) => `${acltype} ${topic}`);
		return value.filter(
			(_, index) => names[index]!.includes("undefined") || names.indexOf(names[index]!) === index,
		);
	});
}

/** A line for everything that everybody may and may not do. */
async function rights(place: Place, admin: Person): Promise<string[]> {
	const lines: string[] = [];
	for (const [clientId, username] of CLIENTS) {
		const person = await Person.open(place, clientId, username);
		const note = (what: string, topic: string, may: boolean) => {
			lines.push(`${username}: ${what} ${topic}: ${may ? "yes" : "no"}`);
		};
		note("subscribe", "#", await person.subscribe("#"));
		for (const topic of TOPICS) note("publish", topic, await person.publish(topic));
		for (const topic of TOPICS) assert.ok(await admin.publish(topic), topic);
		const taken = await person.taken();
		for (const topic of TOPICS) note("receive", topic, taken.has(topic));
		for (const filter of FILTERS) note("subscribe", filter, await person.subscribe(filter));
		for (const filter of FILTERS) note("unsubscribe", filter, await person.unsubscribe(filter));
		await person.connection.drop();
	}
	return lines;
}

const STATE = {
	commands: [
		{ command: "listClients", verbose: true },
		{ command: "listGroups", verbose: true },
		{ command: "listRoles", verbose: true },
		{ command: "getDefaultACLAccess" },
		{ command: "getAnonymousGroup" },
	],
};

/** A broker with dynamic security. */
interface Served {
	readonly place: Place;
	stop(): Promise<unknown>;
}

async function mosquitto(context: TestContext, file: string): Promise<Served> {
	const lines = ["allow_anonymous true", `plugin ${dynsecPlugin()}`, `plugin_opt_config_file ${file}`];
	const running = await startMosquitto(context, temporaryFolder(context), lines);
	return { place: { path: running.path }, stop: () => running.stop() };
}

async function mqttd(context: TestContext, program: BuiltProgram, file: string): Promise<Served> {
	const lines = ["listener auto 127.0.0.1", "user root", "allow_anonymous true"];
	const plugin = ["plugin mosquitto_dynamic_security.so", `plugin_opt_config_file ${file}`, ""];
	const broker = await startBroker(context, program, { config: [...lines, ...plugin].join("\n") });
	return { place: { port: broker.port, host: "127.0.0.1" }, stop: () => broker.stop() };
}

/** All that is done with one of the two; `file` is the file at the end. */
async function live(
	{ place, stop }: Served,
	file: string,
): Promise<{ lines: string[]; answers: unknown[]; file: unknown }> {
	const admin = await Person.open(place, "ctrl", "admin");
	await admin.subscribe(`${TOPIC}/response`);
	const answers: unknown[] = [];
	const lines = await rights(place, admin);
	const acls = ["publishClientSend", "publishClientReceive", "unsubscribe"].map((acltype) => ({
		acltype,
		allow: true,
	}));
	const flip = { command: "setDefaultACLAccess", acls: [...acls, { acltype: "subscribe", allow: false }] };
	answers.push(await admin.ask({ commands: [flip] }));
	lines.push("with other defaults", ...(await rights(place, admin)));
	for (const { request, older } of STEPS) {
		if (older === undefined) answers.push(JSON.stringify(request), await admin.ask(once(request)));
	}
	const last = [
		{ command: "createRole", rolename: "short" },
		{ command: "deleteRole", rolename: "short" },
		{ command: "createClient", username: "eve", password: "p\u00e4ss", roles: [{ rolename: "high" }] },
		{ command: "setClientPassword", username: "dora", password: "new" },
	];
	answers.push(await admin.ask({ commands: last }), await admin.ask(STATE));
	await admin.connection.drop();
	await stop();
	return { lines, answers, file: comparable(JSON.parse(readFileSync(file, "utf8"))) };
}

/** What a broker knows of the other's file: those whose passwords it set come in. */
async function state({ place, stop }: Served): Promise<unknown> {
	const admin = await Person.open(place, "ctrl", "admin");
	await admin.subscribe(`${TOPIC}/response`);
	for (const [username, password] of [
		["eve", "p\u00e4ss"],
		["dora", "new"],
	] as const) {
		const person = await Person.open(place, username, username, password);
		await person.connection.drop();
	}
	const answer = await admin.ask(STATE);
	await admin.connection.drop();
	await stop();
	return answer;
}

for (const program of builtPrograms()) {
	test(`dynamic security: ${program.name} does as mosquitto's plugin`, async (context) => {
		const folder = temporaryFolder(context);
		const [theirs, ours] = ["theirs.json", "ours.json"].map((name) =>
			configFile(folder, JSON.stringify(FIRST), name),
		) as [string, string];
		const expected = await live(await mosquitto(context, theirs), theirs);
		const found = await live(await mqttd(context, program, ours), ours);
		for (const [index, answer] of found.answers.entries()) assert.deepEqual(answer, expected.answers[index]);
		assert.deepEqual(found.lines, expected.lines);
		for (const verb of ["publish", "receive", "subscribe", "unsubscribe"]) {
			for (const said of ["yes", "no"]) {
				assert.ok(
					expected.lines.some((line) => line.includes(` ${verb} `) && line.endsWith(said)),
					`${verb} ${said}`,
				);
			}
		}
		assert.deepEqual(found.file, expected.file);
		const known = expected.answers.at(-1);
		assert.deepEqual(await state(await mosquitto(context, ours)), known);
		assert.deepEqual(await state(await mqttd(context, program, theirs)), known);
	});
}
