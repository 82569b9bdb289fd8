/**
 * What scripts read of the command-line clients: the same command lines, given to Debian's mosquitto_pub and mosquitto_sub
 * and to ours on every host, must print the same octets and end with the same exit code.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { builtPrograms, commandOf, type Ended, Running, startBroker } from "./harness.ts";

interface Case {
	readonly tool: "pub" | "sub";
	readonly args: readonly string[];
	/** Standard input. */
	readonly input?: string;
	/** Which broker: one that serves, one that refuses everybody, or none given. */
	readonly broker?: "open" | "closed" | "none";
}

const T = ["-t", "t"];
const TM = [...T, "-m", "m"];
const ID = ["-i", "text", "-d"];

function pub(args: readonly string[], more: Partial<Case> = {}): Case {
	return { tool: "pub", args, ...more };
}

function sub(args: readonly string[], more: Partial<Case> = {}): Case {
	return { tool: "sub", args, ...more };
}

const NONE = { broker: "none" } as const;
const CLOSED = { broker: "closed" } as const;

/** Every field of a format that does not depend on the time. */
const FORMAT =
	"%%|%l|%5l|%05l|%-5l|%p|%10p|%-10p|%2p|%x|%X|%q|%r|%m|%t|%10t|%-10t|%.3t|%A|%3A|%C|%P|%R|@@|\\\\\\t|";

const CASES: readonly Case[] = [
	// Each packet of a publication, in every version and QoS.
	...["mqttv31", "mqttv311", "mqttv5"].flatMap((version) =>
		["0", "1", "2"].map((qos) => pub([...TM, ...ID, "-V", version, "-q", qos])),
	),
	pub([...T, "-n", "-r", ...ID]),
	pub([...TM, ...ID, "-V", "5", "-x", "5", "-D", "publish", "content-type", "text/plain"]),
	pub([...TM, ...ID, "--will-topic", "w", "--will-payload", "p", "--will-qos", "1"]),
	pub([...TM, ...ID, "-q", "1", "--repeat", "3"]),
	pub([...T, ...ID, "-s"], { input: "all\nof it" }),
	pub([...T, ...ID, "-l"], { input: "one\ntwo\n\nthree" }),
	pub([...T, ...ID, "-l"], { input: "" }),
	pub([...T, "-l", "-q", "2"], { input: "line\n".repeat(500) }),
	// Subscriptions, up to their acknowledgement.
	sub([...T, "-t", "u", ...ID, "-E", "-q", "2"]),
	sub([...T, "-U", "v", ...ID, "-E", "-V", "5", "-R"]),
	sub([...T, ...ID, "-E", "-V", "5", "--retain-as-published"]),
	sub([...T, "-W", "1", ...ID]),
	// Messages: these are retained ones, put there before.
	sub(["-t", "kept/#", "-C", "3", "-v"]),
	sub(["-t", "kept/1", "-C", "1", "-N", ...ID]),
	sub(["-t", "kept/#", "-C", "1", "-T", "kept/1", "-T", "kept/3"]),
	sub(["-t", "kept/#", "-W", "1", "-R"]),
	sub(["-t", "kept/3", "-C", "1", "-F", FORMAT]),
	sub(["-t", "kept/3", "-C", "1", "-F", FORMAT, "-q", "1", "-V", "5"]),
	// Refusals.
	...["mqttv31", "mqttv311", "mqttv5"].flatMap((version) => [
		pub([...TM, ...ID, "-V", version], CLOSED),
		sub([...T, ...ID, "-V", version], CLOSED),
	]),
	pub([...T, "-l"], { ...CLOSED, input: "x\n" }),
	pub([...TM, "--quiet"], CLOSED),
	sub([...T, "--quiet"], CLOSED),
	// Brokers that are not there.
	pub([...TM, "-h", "no.such.host.invalid"], NONE),
	sub([...T, "-h", "no.such.host.invalid"], NONE),
	pub([...TM, "--unix", "/no/such/socket"], NONE),
	// Wrong command lines.
	...[
		["--nonsense"],
		["word"],
		["-h"],
		["--topic"],
		["-V", "4"],
		["-q", "3"],
		["-p", "65536"],
		["-k", "4"],
		["-M", "0"],
		["-m", "m", "-n"],
		["-i", "a", "-I", "b"],
		["-t", "a/+"],
		["-f", "/no/such/file", "-t", "t"],
		["--will-topic", "#"],
		[...TM, "--will-payload", "x"],
		[...TM, "--will-retain"],
		[...TM, "-c"],
		[...TM, "-i", ""],
		[...TM, "-P", "p"],
		["-x", "1s"],
		["-L", "mqtt://h"],
		["-D", "connect", "x"],
		["-D", "connect", "topic-alias", "1"],
		["-D", "publish", "subscription-identifier", "1"],
		["-D", "connect", "receive-maximum", "70000"],
	].map((args) => pub(args, NONE)),
	pub([...T, "-s"], { ...NONE, input: "" }),
	...[
		[],
		["-m", "m"],
		["-t", "a#"],
		["-C", "0"],
		["-W", "0"],
		["-F", "%"],
		["-F", "%z"],
		["-F", "\\q"],
		[...T, "-R", "--retained-only"],
		[...T, "-i", ""],
	].map((args) => sub(args, NONE)),
];

/** What a script can tell of a run. */
function visible({ code, signal, stdout, stderr }: Ended): object {
	return { code, signal, stdout, stderr };
}

for (const program of builtPrograms()) {
	describe(`the same command line, Debian's client and ours on ${program.name}`, () => {
		test("prints the same and ends with the same code", async (context) => {
			const open = await startBroker(context, program);
			const closed = await startBroker(context, program, { config: "listener auto 127.0.0.1\n" });
			const ports = { open: open.port, closed: closed.port };
			const address = ({ broker = "open" }: Case) =>
				broker === "none" ? [] : ["-h", "127.0.0.1", "-p", String(ports[broker])];
			for (const [topic, text] of [
				["kept/1", "hello"],
				["kept/2", "h\u00e9llo"],
				["kept/3", "{}"],
			] as const) {
				const args = ["-h", "127.0.0.1", "-p", String(open.port), "-t", topic, "-m", text, "-r", "-q", "1"];
				assert.equal((await new Running(commandOf(program, ["pub", ...args])).ended).code, 0);
			}
			for (const each of CASES) {
				const args = [...address(each), ...each.args];
				const theirs = await new Running([`mosquitto_${each.tool}`, args], each.input).ended;
				const ours = await new Running(commandOf(program, [each.tool, ...args]), each.input).ended;
				assert.deepEqual(visible(ours), visible(theirs), `mosquitto_${each.tool} ${args.join(" ")}`);
			}
			await open.stop();
			await closed.stop();
		});
	});
}
