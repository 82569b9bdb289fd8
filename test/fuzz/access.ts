/**
 * The fuzzer of what says who may do what: password, ACL and PSK files, the file of dynamic security, and the commands
 * that change it. Options: run.ts. Each damaged input is taken or refused with its place, in bounded memory; what was taken
 * holds what it promises, is written and read again as the same, and commands are each answered.
 */

import { Acl } from "../../src/broker/acl.ts";
import { DynamicSecurity } from "../../src/broker/dynsec/dynsec.ts";
import { DynsecError, readModel, writeModel } from "../../src/broker/dynsec/file.ts";
import type { Model } from "../../src/broker/dynsec/model.ts";
import { readAclFile } from "../../src/config/acl-file.ts";
import { ConfigError } from "../../src/config/error.ts";
import { formatPasswordHash, parsePasswordHash } from "../../src/config/password.ts";
import { readPasswordFile } from "../../src/config/password-file.ts";
import { readPskFile } from "../../src/config/psk-file.ts";
import { equal, ok } from "../contract/assert.ts";
import { createFakeHost } from "../fake/host.ts";
import { finished } from "../unit/broker/fixture.ts";
import { bytes } from "../vectors/websocket.ts";
import {
	ACL_FILES,
	ACL_PIECES,
	COMMAND_TREES,
	COMMANDS,
	DYNSEC_FILES,
	DYNSEC_NAMES,
	DYNSEC_PIECES,
	DYNSEC_TREE,
	PASSWORD_FILES,
	PASSWORD_PIECES,
	PSK_FILES,
	PSK_PIECES,
} from "./access-corpus.ts";
import { allowedBy, makeAclFile } from "./acl-model.ts";
import { damageJson } from "./damage-json.ts";
import { damage, type Random } from "./mutate.ts";
import { hex, runFuzzer } from "./run.ts";

type Kind = "password" | "acl" | "psk" | "dynsec" | "commands";

interface Input {
	readonly kind: Kind;
	/** One file, or requests that come one after another. */
	readonly parts: readonly Uint8Array[];
}

const KINDS: readonly Kind[] = ["password", "acl", "psk", "dynsec", "commands"];

/** By kind: what to begin with, and what to put in. */
const CORPUS: Readonly<Record<Kind, readonly [readonly Uint8Array[], readonly Uint8Array[]]>> = {
	password: [encoded(PASSWORD_FILES), encoded(PASSWORD_PIECES)],
	acl: [encoded(ACL_FILES), encoded(ACL_PIECES)],
	psk: [encoded(PSK_FILES), encoded(PSK_PIECES)],
	dynsec: [encoded(DYNSEC_FILES), encoded(DYNSEC_PIECES)],
	commands: [encoded(COMMANDS), encoded(DYNSEC_PIECES)],
};

const FILE = "/etc/mqttd/file";
/** Lines about one file, and characters of one, at most. */
const MAXIMUM_REMARKS = 102;
const MAXIMUM_TEXT = 400;
const host = createFakeHost();

function encoded(texts: readonly string[]): Uint8Array[] {
	return texts.map((text) => bytes(text));
}

function put(into: Uint8Array, piece: Uint8Array, random: Random): Uint8Array {
	const at = random.below(into.length + 1);
	const rest = Math.min(into.length, at + random.below(3) * random.below(8));
	return Uint8Array.of(...into.subarray(0, at), ...piece, ...into.subarray(rest));
}

/** What is well-formed, so that readers come to what it says; null for kinds that have no such. */
function makeWhole(kind: Kind, random: Random): string | null {
	if (kind === "acl") return makeAclFile(random);
	if (kind === "dynsec") return damageJson(DYNSEC_TREE, DYNSEC_NAMES, random);
	if (kind !== "commands") return null;
	const commands = Array.from({ length: random.below(6) + 1 }, () => random.pick(COMMAND_TREES));
	return damageJson({ commands }, DYNSEC_NAMES, random);
}

function makePart(kind: Kind, random: Random): Uint8Array {
	const text = random.below(2) === 0 ? makeWhole(kind, random) : null;
	if (text !== null) return bytes(text);
	const [whole, pieces] = CORPUS[kind];
	let octets = random.pick(whole);
	for (let left = random.below(6); left > 0; left--) {
		octets =
			random.below(3) === 0
				? damage(octets, random.pick(whole), random)
				: put(octets, random.pick(pieces), random);
	}
	return octets;
}

/** What a reader of lines said, checked: each remark and error has the place, and is no longer than a line should be. */
function checkTexts(octets: Uint8Array, texts: readonly string[]): void {
	const lines = octets.filter((octet) => octet === 0x0a).length + 1;
	ok(texts.length <= MAXIMUM_REMARKS, `${texts.length} remarks`);
	for (const text of texts) {
		ok(text.length <= MAXIMUM_TEXT, `${text.length} characters: ${text}`);
		ok(/^(Error|Warning): [\s\S]+\.$/.test(text) && text.includes(FILE), text);
		const place = /^(?:Error|Warning): \/etc\/mqttd\/file:([0-9]+): /.exec(text);
		if (place === null) ok(/is not UTF-8\.$|there is more to be said/.test(text), text);
		else ok(Number(place[1]) >= 1 && Number(place[1]) <= lines, `line ${place[1]} of ${lines}`);
	}
}

/** Reads a file; null when it is refused as it should be. */
function readFile<T extends { remarks: { text: string }[] }>(octets: Uint8Array, read: () => T): T | null {
	host.files.put(FILE, octets, 0o600);
	try {
		const result = read();
		checkTexts(
			octets,
			result.remarks.map(({ text }) => text),
		);
		return result;
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		checkTexts(octets, error.lines);
		return null;
	}
}

function checkPasswords(octets: Uint8Array): boolean {
	const file = readFile(octets, () => readPasswordFile(host, FILE));
	if (file === null) return false;
	for (const [name, hash] of file.users) {
		ok(name !== "" && !name.includes(":") && !name.includes("\n"), `user '${name}'`);
		equal(hash.hash.length, 64, "length of the hash");
		ok(hash.iterations >= 1 && hash.iterations <= 1_000_000, `${hash.iterations} iterations`);
		equal(parsePasswordHash(formatPasswordHash(hash)), hash, "the hash, written and read again");
	}
	return true;
}

const TOPICS = ["a", "a/b", "a/b/c", "$SYS/x", "ann/1", "id/x", "+/x", "", "a//b", "a/b/c/d/e/f"];
const PEOPLE: readonly (readonly [string, string | null])[] = [
	["id", "ann"],
	["id", null],
	["+", "bob"],
	["c/d", "#"],
	["%u", "%c"],
];

function checkAcl(octets: Uint8Array): boolean {
	const file = readFile(octets, () => readAclFile(host, FILE));
	if (file === null) return false;
	const acl = new Acl(file.rules);
	for (const [clientId, username] of PEOPLE) {
		for (const topic of TOPICS) {
			for (const access of ["read", "write"] as const) {
				const expected = allowedBy(file.rules, access, topic, clientId, username);
				equal(acl.allows(access, topic, clientId, username), expected, `${username}: ${access} ${topic}`);
			}
		}
	}
	// Somebody each time, as it takes longer.
	const [clientId, username] = PEOPLE[octets.length % PEOPLE.length]!;
	const topic = TOPICS[octets.length % TOPICS.length]!;
	const { allowed } = finished(acl.explain("read", topic, clientId, username));
	equal(allowed, acl.allows("read", topic, clientId, username), `why ${username}: read ${topic}`);
	return true;
}

function checkPsk(octets: Uint8Array): boolean {
	const file = readFile(octets, () => readPskFile(host, FILE));
	if (file === null) return false;
	for (const [identity, key] of file.keys) {
		ok(identity.length >= 1 && identity.length <= 128, `identity of ${identity.length} characters`);
		ok(key.length >= 1 && key.length <= 64, `key of ${key.length} octets`);
	}
	return true;
}

/** Null when the text is refused as it should be. */
function modelOf(text: string, remarks: string[]): Model | null {
	try {
		return readModel(text, parsePasswordHash, (remark) => remarks.push(remark));
	} catch (error) {
		if (!(error instanceof DynsecError)) throw error;
		ok(error.message !== "" && error.message.length <= MAXIMUM_TEXT, `a reason: ${error.message}`);
		return null;
	}
}

/** What was written is read, and written again as the same. */
function checkWritten(text: string): void {
	const remarks: string[] = [];
	const again = modelOf(text, remarks);
	ok(again !== null, "what was written can be read");
	equal(writeModel(again!), text, "written again");
	ok(
		remarks.every((remark) => remark.includes("cannot log in")),
		`remarks on what was written: ${remarks}`,
	);
}

function checkDynsec(octets: Uint8Array): boolean {
	const text = host.utf8.decode(octets, 0, octets.length);
	if (text === null) return false;
	const remarks: string[] = [];
	const model = modelOf(text, remarks);
	if (model === null) return false;
	ok(remarks.length <= octets.length, "remarks on what there is");
	checkWritten(writeModel(model));
	const security = new DynamicSecurity(host, { enabled: () => true, write: () => {} }, model, () => {});
	const access = security.access(null);
	for (const [clientId, username] of PEOPLE) {
		for (const topic of TOPICS) {
			for (const kind of ["read", "write", "subscribe", "unsubscribe"] as const) {
				const allowed = access.allows(kind, topic, clientId, username);
				const why = finished(access.explain(kind, topic, clientId, username));
				equal(why.allowed, allowed, `why ${username}: ${kind} ${topic}`);
			}
		}
		if (username === null) continue;
		const { disabled } = model.clients.get(username) ?? { disabled: false };
		const refusal = security.users(null).refuses?.(username, clientId) ?? null;
		ok(!disabled || refusal !== null, `${username} is disabled`);
	}
	return true;
}

/** The requests against one model: all answered, in order, whatever they do to it. Returns whether any was carried out. */
function checkCommands(requests: readonly Uint8Array[]): boolean {
	const lines: string[] = [];
	let saved = "";
	const log = { enabled: () => true, write: (_: string, text: string) => void lines.push(text) };
	const model = readModel(DYNSEC_FILES[0]!, parsePasswordHash, () => {});
	const security = new DynamicSecurity(host, log, model, (text) => {
		saved = text;
	});
	const kicked = new Set<string | null>();
	security.attach({
		accessChanged() {},
		kick: (username) => void kicked.add(username),
		connectionsOf: () => ["192.0.2.7"],
	});
	const answers: string[] = [];
	for (const request of requests) {
		security.take(request, { clientId: "ctrl", username: null }, (answer) => void answers.push(answer));
	}
	for (let turns = 0; answers.length < requests.length && turns < 4000; turns++) host.network.turn();
	equal(answers.length, requests.length, "answers");
	let done = 0;
	for (const answer of answers) {
		const { responses } = JSON.parse(answer) as { responses: { command: string; error?: string }[] };
		ok(
			responses.every(({ command }) => typeof command === "string"),
			answer,
		);
		done += responses.filter(({ error }) => error === undefined).length;
	}
	ok(!lines.some((line) => line.startsWith("Internal error")), lines.join("\n"));
	if (saved !== "") {
		equal(saved, security.fileText(), "the file has what is known");
		checkWritten(saved);
	}
	host.clock.advance(0);
	return done > 0;
}

runFuzzer(import.meta.url, "access", () => {
	const counts: Record<string, number> = {};
	for (const kind of KINDS) {
		counts[`${kind} taken`] = 0;
		counts[`${kind} refused`] = 0;
	}
	return {
		make(random: Random): Input {
			const kind = random.pick(KINDS);
			const count = kind === "commands" ? random.below(4) + 1 : 1;
			return { kind, parts: Array.from({ length: count }, () => makePart(kind, random)) };
		},
		check({ kind, parts }: Input, name: string): void {
			const [first = bytes()] = parts;
			const isTaken = {
				password: () => checkPasswords(first),
				acl: () => checkAcl(first),
				psk: () => checkPsk(first),
				dynsec: () => checkDynsec(first),
				commands: () => checkCommands(parts),
			}[kind];
			try {
				counts[`${kind} ${isTaken() ? "taken" : "refused"}`]!++;
			} catch (error) {
				throw new Error(`${name}, ${kind}: ${parts.map(hex).join(" then ")}`, { cause: error });
			}
		},
		counts: () => counts,
	};
});
