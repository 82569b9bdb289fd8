/**
 * acl_file beside Debian's mosquitto: the same file, the same clients and topics, and the same outcome of each publication,
 * retained message, delivery and will, before and after a reload. Files that one refuses, the other refuses.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readAclFile } from "../../src/config/acl-file.ts";
import { ConfigError } from "../../src/config/error.ts";
import { PacketType } from "../../src/packet/packet.ts";
import { createFakeHost } from "../fake/host.ts";
import { builtPrograms, configFile, Running, startBroker, temporaryFolder } from "./harness.ts";
import { debianProgram, startMosquitto } from "./mosquitto.ts";
import { type Place, RawClient } from "./raw-client.ts";

/** Rules of all kinds, in orders that matter, with what editors leave in files. */
const BEFORE = [
	"# Who has no user name",
	"topic read anon/#",
	"topic   write   anon/up  ",
	"topic readwrite anon/both\r",
	"topic anon/default\t",
	"topic deny anon/no",
	"   ",
	"topic deny #",
	"",
	"user super",
	"topic #",
	"topic $t/#",
	"user ann",
	"topic home/#",
	"topic deny home/secret/#",
	"topic read home/secret/lamp",
	"topic write living room/lamp",
	"topic +/plus/+",
	"topic read $t/+/one",
	"user bob smith",
	"topic read home/#",
	"topic deny dev/+/x",
	"#user carl",
	"# topic write not/for/bob",
	"pattern readwrite dev/%c/#",
	"pattern read who/%u",
	"pattern deny dev/+/never",
	"pattern write mix-%c-%u/x",
	"pattern read all/#",
	"user ann",
	"topic again",
	"user eve",
	"topic deny all/#",
	"topic read %u/%c",
];

/** What has been given before is taken away, and the other way round. */
const AFTER = [
	"topic read home/#",
	"user super",
	"topic #",
	"topic $t/#",
	"user ann",
	"topic deny home/#",
	"topic write anon/up",
	"user eve",
	"topic read all/x",
	"pattern write who/%u",
	"pattern read dev/%c/never",
];

/** Client identifier and user name. */
const CLIENTS: readonly (readonly [string, string | undefined])[] = [
	["a1", undefined],
	["a2", "ann"],
	["b1", "bob smith"],
	["with/slash", "carl"],
	["wild+card", "carl"],
	["hash", "c#"],
	["e1", "eve"],
	["%c", "%u"],
];

const TOPICS = [
	...["anon", "anon/x", "anon/up", "anon/both", "anon/default", "anon/no"],
	...["home", "home/x/y", "home/secret", "home/secret/lamp", "homes", "living room/lamp", "living"],
	...["a/plus/b", "/plus/", "plus", "$t/x/one", "$t/x/two", "$t/plus/one", "again", "not/for/bob"],
	...["dev/a2/1", "dev/a2/x", "dev/a2/never", "dev/a2", "dev/b1/x", "dev/b1/y", "dev/a1/1"],
	...["who/ann", "who/bob smith", "who/carl", "who", "all", "all/x", "%u/%c", "eve/e1"],
	...["mix-a2-ann/x", "mix-a2-bob/x", "mix-%c-%u/x"],
];

class Observer {
	readonly client: RawClient;
	private readonly received = new Set<string>();

	constructor(client: RawClient) {
		this.client = client;
		client.listen((packet) => {
			if (packet.type !== PacketType.PUBLISH) return;
			this.received.add(`${Buffer.from(packet.payload).toString()} ${packet.topic}`);
		});
	}

	/** What has come so far: a broker answers after what it sent before. */
	async taken(): Promise<ReadonlySet<string>> {
		this.client.send({ type: PacketType.PINGREQ });
		await this.client.next(PacketType.PINGRESP);
		const taken = new Set(this.received);
		this.received.clear();
		return taken;
	}
}

/** Publishes to a topic; the reason code of the answer. */
async function publish(client: RawClient, topic: string, payload: string, retain = false): Promise<number> {
	client.publish(topic, payload, 1, 1, { retain });
	const answer = await client.next(PacketType.PUBACK);
	return answer.type === PacketType.PUBACK ? answer.reasonCode : 0;
}

/** Everybody who tries everything at one broker; what was connected stays connected. */
class World {
	private readonly place: Place;
	private readonly clients = new Map<string, Observer>();
	private root: Observer | null = null;

	constructor(place: Place) {
		this.place = place;
	}

	async open(): Promise<void> {
		const root = await RawClient.open(this.place, { clientId: "root", username: "super", cleanStart: true });
		this.root = new Observer(root.client);
		await this.root.client.subscribe("#", 0);
		await this.root.client.subscribe("$t/#", 0);
		for (const topic of TOPICS) await publish(root.client, topic, "retained", true);
		for (const [clientId, username] of CLIENTS) {
			const options = username === undefined ? { clientId } : { clientId, username };
			const { client } = await RawClient.open(this.place, { ...options, cleanStart: true });
			this.clients.set(`${clientId} ${username}`, new Observer(client));
		}
	}

	/** A line for each client and topic: retained message, live message, publication, will. */
	async outcomes(): Promise<string[]> {
		const root = this.root!;
		const lines: string[] = [];
		const seen = new Map<string, ReadonlySet<string>>();
		for (const [name, { client }] of this.clients) {
			await client.subscribe("#", 0);
			await client.subscribe("$t/#", 0);
			seen.set(`${name} retained`, await this.clients.get(name)!.taken());
		}
		for (const topic of TOPICS) await publish(root.client, topic, "live");
		for (const [name, observer] of this.clients) seen.set(`${name} live`, await observer.taken());
		await root.taken();
		const refused = new Set<string>();
		for (const [name, { client }] of this.clients) {
			for (const topic of TOPICS) {
				const code = await publish(client, topic, name);
				if (code === 0x87) refused.add(`${name} ${topic}`);
			}
		}
		const arrived = await root.taken();
		for (const [name, observer] of this.clients) {
			await observer.taken();
			for (const topic of TOPICS) {
				const has = (what: string) => (seen.get(`${name} ${what}`)!.has(`${what} ${topic}`) ? what : "-");
				const said = refused.has(`${name} ${topic}`) ? "refused" : "accepted";
				const came = arrived.has(`${name} ${topic}`) ? "arrives" : "-";
				lines.push(`${name}: ${topic}: ${has("retained")} ${has("live")} ${said} ${came}`);
			}
		}
		lines.push(...(await this.wills()));
		return lines;
	}

	/** What reaches the subscriptions that there are. */
	async deliveries(): Promise<string[]> {
		for (const topic of TOPICS) await publish(this.root!.client, topic, "still");
		await this.root!.taken();
		const lines: string[] = [];
		for (const [name, observer] of this.clients) {
			const taken = await observer.taken();
			lines.push(...TOPICS.map((topic) => `${name}: ${topic}: still: ${taken.has(`still ${topic}`)}`));
		}
		return lines;
	}

	private async wills(): Promise<string[]> {
		const lines: string[] = [];
		for (const willTopic of ["home/x/y", "home/secret", "anon/up", "dev/w/1", "dev/w/never"]) {
			const options = { clientId: "w", username: "ann", cleanStart: true, willTopic };
			const { client } = await RawClient.open(this.place, options);
			// A disconnection with will message, so that the answer to what follows is behind it.
			client.send({ type: PacketType.DISCONNECT, reasonCode: 4, properties: null });
			await client.closed;
			lines.push(`will: ${willTopic}: ${(await this.root!.taken()).has(`${willTopic} ${willTopic}`)}`);
		}
		return lines;
	}

	async close(): Promise<void> {
		for (const { client } of [this.root!, ...this.clients.values()]) await client.drop();
	}
}

/** The outcomes with the rules before and after; `reload` has the broker take what the file then has. */
async function bothOutcomes(place: Place, rules: string, reload: () => Promise<unknown>): Promise<string[]> {
	writeFileSync(rules, BEFORE.join("\n"));
	const world = new World(place);
	await world.open();
	const lines = await world.outcomes();
	writeFileSync(rules, AFTER.join("\n"));
	await reload();
	lines.push("after the reload", ...(await world.deliveries()), ...(await world.outcomes()));
	await world.close();
	return lines;
}

for (const program of builtPrograms()) {
	test(`acl_file: ${program.name} decides as mosquitto`, async (context) => {
		const folder = temporaryFolder(context);
		const rules = join(folder, "acl");
		writeFileSync(rules, BEFORE.join("\n"), { mode: 0o644 });
		const lines = ["allow_anonymous true", `acl_file ${rules}`];
		const mosquitto = await startMosquitto(context, folder, lines);
		const expected = await bothOutcomes({ path: mosquitto.path }, rules, () => {
			mosquitto.process.child.kill("SIGHUP");
			return mosquitto.process.line(/Reloading config\./);
		});
		await mosquitto.stop();
		// Whatever can be told apart is among it.
		for (const part of ["retained", "live", "accepted arrives", "refused -", "- - refused", "still: true"]) {
			assert.ok(
				expected.some((line) => line.includes(part)),
				part,
			);
		}

		writeFileSync(rules, BEFORE.join("\n"));
		const broker = await startBroker(context, program, {
			config: ["listener auto 127.0.0.1", ...lines, ""].join("\n"),
		});
		const found = await bothOutcomes({ port: broker.port, host: "127.0.0.1" }, rules, () => {
			broker.signal("SIGHUP");
			return broker.line(/Config reloaded\./);
		});
		assert.deepEqual(found, expected);
		await broker.stop();
	});
}

/** Lines that are taken, and lines for which the whole file is refused. */
const TAKEN = [
	...[
		" topic a",
		"topic read",
		"topic  read  a  ",
		"topic read a b c",
		"topic deny",
		"topic +",
		"topic /",
		"topic //",
	],
	...[
		"topic write $SYS/#",
		"topic $share/g/a",
		"pattern read %c",
		"pattern deny x-%u",
		"user a b",
		"user ann\r",
		"#",
	],
];
const REFUSED = [
	...[
		"topic raed x",
		"topic a b",
		"topic READ a",
		'topic "a b"',
		"topic a # comment",
		"topic",
		"topic ",
		"pattern",
	],
	...[
		"topic read a/#/b",
		"topic #/a",
		"topic a#",
		"topic a+b",
		"pattern write a/+b",
		"user",
		"user ",
		"acl x",
		"x",
	],
	...["User x", "TOPIC a", " # a comment"],
];

test("acl_file: what is taken and what is refused, as mosquitto", async (context) => {
	for (const line of [...TAKEN, ...REFUSED]) {
		const text = `# comment\n${line}\n`;
		const folder = temporaryFolder(context);
		const rules = configFile(folder, text, "acl");
		const lines = [`listener 0 ${join(folder, "socket")}`, "user root", `acl_file ${rules}`, ""];
		const mosquitto = new Running([
			debianProgram("sbin/mosquitto"),
			["-c", configFile(folder, lines.join("\n"))],
		]);
		// It ends by itself when it refuses the file, and is at its start still when it says that it runs.
		const isTaken = await mosquitto.line(/ running$/m).then(
			() => true,
			() => false,
		);
		mosquitto.child.kill("SIGKILL");
		await mosquitto.ended;
		assert.equal(isTaken, TAKEN.includes(line), `mosquitto: '${line}'`);

		const host = createFakeHost();
		host.files.put(rules, text, 0o600);
		const read = () => readAclFile(host, rules);
		if (isTaken) assert.deepEqual(read().remarks, [], line);
		else
			assert.throws(
				read,
				(error) => error instanceof ConfigError && error.lines[0]!.includes(`${rules}:2: `),
				line,
			);
	}
});
