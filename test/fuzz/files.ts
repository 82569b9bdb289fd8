/**
 * The fuzzer of files that the broker is set up by, or takes over: mosquitto.conf and its migration, UCI and its, exports and
 * databases of mosquitto that are imported. Options: run.ts. Each damaged file is taken or refused with its place; a migration
 * can be read, and what was imported is exported and imported again as the same.
 */

import { ConfigError } from "../../src/config/error.ts";
import { migrateConf, migrateUci } from "../../src/config/migrate.ts";
import { readConfig } from "../../src/config/read.ts";
import { readUci } from "../../src/config/read-uci.ts";
import { LAX_NAME, readUciFile } from "../../src/config/uci-file.ts";
import type { Database } from "../../src/host/host.ts";
import { openInMemory } from "../../src/node/database.ts";
import { decodePacket, encodedLength, encodePacket, PacketType } from "../../src/packet/packet.ts";
import { Fields, type JsonObject } from "../../src/store/export-format.ts";
import { exportDatabase, importFile, TransferError, type TransferHost } from "../../src/store/transfer.ts";
import { equal, ok } from "../contract/assert.ts";
import { createFakeHost } from "../fake/host.ts";
import { sampleFile, writers } from "../vectors/mosquitto-file.ts";
import { bytes } from "../vectors/websocket.ts";
import {
	CONF_FILES,
	CONF_PIECES,
	EXPORT_FILES,
	EXPORT_PIECES,
	UCI_FILES,
	UCI_PIECES,
} from "./files-corpus.ts";
import { damage, type Random } from "./mutate.ts";
import { hex, runFuzzer } from "./run.ts";

const KINDS = ["conf", "uci", "export", "mosquitto"] as const;
type Kind = (typeof KINDS)[number];

interface Input {
	readonly kind: Kind;
	readonly octets: Uint8Array;
}

const encoded = (texts: readonly string[]): Uint8Array[] => texts.map((text) => bytes(text));
const mosquitto = writers.map((writer) => sampleFile(writer).bytes);

/** By kind: what to begin with, and what to put in. */
const CORPUS: Readonly<Record<Kind, readonly [readonly Uint8Array[], readonly Uint8Array[]]>> = {
	conf: [encoded(CONF_FILES), encoded(CONF_PIECES)],
	uci: [encoded(UCI_FILES), encoded(UCI_PIECES)],
	export: [encoded(EXPORT_FILES), encoded(EXPORT_PIECES)],
	mosquitto: [mosquitto, mosquitto.map((file) => file.subarray(0, 60))],
};
const FILE = "/etc/file";
/** Characters of a line about a file at most: a path and a value stand in it. */
const MAXIMUM_LINE = 6000;
const host = createFakeHost();
host.files.put("/conf.d/more.conf", "max_keepalive 77\n");
host.files.put("/etc/mqttd/mqttd.conf", "listener 1884\n");

function put(into: Uint8Array, piece: Uint8Array, random: Random): Uint8Array {
	const at = random.below(into.length + 1);
	const rest = Math.min(into.length, at + random.below(3) * random.below(8));
	return Uint8Array.of(...into.subarray(0, at), ...piece, ...into.subarray(rest));
}

function make(random: Random): Input {
	const kind = random.pick(KINDS);
	const [whole, pieces] = CORPUS[kind];
	let octets = random.pick(whole);
	for (let left = random.below(5); left > 0; left--) {
		octets =
			random.below(3) === 0 || kind === "mosquitto"
				? damage(octets, random.pick(whole), random)
				: put(octets, random.pick(pieces), random);
	}
	return { kind, octets };
}

/** Runs a reader of the configuration; null when the file is refused as it should be. */
function attempt<T>(read: () => T): T | null {
	try {
		return read();
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		checkLines(error.lines);
		ok(error.lines.length > 0, "a reason");
		return null;
	}
}

function checkLines(lines: readonly string[]): void {
	for (const line of lines) ok(line !== "" && line.length <= MAXIMUM_LINE, `a line: ${line.slice(0, 500)}`);
}

function checkConf(octets: Uint8Array): boolean {
	host.files.put(FILE, octets, 0o600);
	const config = attempt(() => readConfig(host, [FILE]));
	if (config !== null) checkLines(config.remarks.map(({ text }) => text));
	const text = host.utf8.decode(octets, 0, octets.length);
	if (text === null) return config !== null;
	const migration = migrateConf(host, FILE, text);
	if (migration === null) return config !== null;
	checkLines(migration.report);
	host.files.put(FILE, migration.text, 0o600);
	readConfig(host, [FILE]);
	if (config !== null) equal(migration.report, [], "nothing to say of a file that is right");
	return config !== null;
}

function checkUci(octets: Uint8Array): boolean {
	host.files.put(FILE, octets, 0o600);
	const config = attempt(() => readUci(host, FILE));
	if (config !== null) checkLines(config.remarks.map(({ text }) => text));
	const file = attempt(() => readUciFile(host, FILE, LAX_NAME));
	if (file === null) {
		equal(config, null, "what has another syntax is refused");
		return false;
	}
	const migration = migrateUci(host, file.sections);
	checkLines(migration.report);
	host.files.put(FILE, migration.text, 0o600);
	readUci(host, FILE);
	return config !== null;
}

/** Two databases in memory, and what imports need besides. */
function withDatabases(use: (transfer: TransferHost, databases: Database[]) => void): void {
	const databases = [openInMemory(), openInMemory()];
	const open = (path: string): Database => {
		const database = databases[path === "/one" ? 0 : 1]!;
		return {
			exec: (sql) => database.exec(sql),
			prepare: (sql) => database.prepare(sql),
			rollback: () => database.rollback(),
			close: () => database.rollback(),
		};
	};
	host.files.put("/one", "");
	host.files.put("/two", "");
	try {
		use(
			{ databases: { open }, files: host.files, utf8: host.utf8, clock: { now: () => 1_764_000_000_000 } },
			databases,
		);
	} finally {
		for (const database of databases) database.close();
	}
}

/** What will be sent to clients one day can be sent. */
function checkMessages(exported: string): void {
	for (const line of exported.trimEnd().split("\n")) {
		const record = JSON.parse(line) as JsonObject;
		if (record.kind !== "message" && record.kind !== "retained") continue;
		const fields = new Fields(record, host.utf8);
		const qos = fields.qos();
		const packet = {
			type: PacketType.PUBLISH,
			dup: false,
			qos,
			retain: true,
			topic: fields.text("topic"),
			packetId: qos === 0 ? 0 : 1,
			properties: fields.properties("properties") ?? {},
			payload: fields.octets("payload"),
		} as const;
		const octets = new Uint8Array(encodedLength(packet, 5, host.utf8));
		encodePacket(packet, 5, octets, 0, host.utf8);
		decodePacket(octets, 0, octets.length, 5, host.utf8);
	}
}

function checkImport(octets: Uint8Array): boolean {
	let isTaken = false;
	withDatabases((transfer) => {
		host.files.put(FILE, octets, 0o600);
		try {
			const { warnings } = importFile(transfer, "/one", FILE);
			checkLines(warnings);
		} catch (error) {
			if (!(error instanceof TransferError)) throw error;
			ok(error.message.startsWith(`${FILE}:`) || error.message.startsWith(`'${FILE}' is `), error.message);
			return;
		}
		isTaken = true;
		const exported = exportOf(transfer, "/one");
		checkMessages(exported);
		host.files.put(FILE, exported, 0o600);
		importFile(transfer, "/two", FILE);
		equal(exportOf(transfer, "/two"), exported, "imported again");
	});
	return isTaken;
}

function exportOf(transfer: TransferHost, path: string): string {
	const lines: string[] = [];
	exportDatabase(transfer, path, (line) => void lines.push(line));
	return `${lines.join("\n")}\n`;
}

const CHECKS: Readonly<Record<Kind, (octets: Uint8Array) => boolean>> = {
	conf: checkConf,
	uci: checkUci,
	export: checkImport,
	mosquitto: checkImport,
};

runFuzzer(import.meta.url, "files", () => {
	const counts: Record<string, number> = {};
	for (const kind of KINDS) {
		counts[`${kind} taken`] = 0;
		counts[`${kind} refused`] = 0;
	}
	return {
		make,
		check({ kind, octets }: Input, name: string): void {
			try {
				counts[`${kind} ${CHECKS[kind](octets) ? "taken" : "refused"}`]!++;
			} catch (error) {
				throw new Error(`${name}, ${kind}: ${hex(octets)}`, { cause: error });
			}
		},
		counts: () => counts,
	};
});
