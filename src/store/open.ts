/** Opening the database: a damaged one is set aside, and what can be read of it is carried over. */

import type { Clock, Database, Databases, Files, HostError, Log } from "../host/host.ts";
import type { TextCodec } from "../packet/packet.ts";
import { isDamage } from "./damage.ts";
import { retainedColumns } from "./retained-columns.ts";
import { salvage } from "./salvage.ts";
import { PACKED_VERSION, prepareSchema, schemaVersion } from "./schema.ts";
import { Tables } from "./tables.ts";

export interface OpenHost {
	readonly databases: Databases;
	readonly files: Files;
	readonly clock: Clock;
	readonly utf8: TextCodec;
}

export interface OpenDatabase {
	readonly database: Database;
	readonly tables: Tables;
}

/**
 * Opens the database at `path`, made when there is none. One that is damaged, or that was found so (`isDamaged`), is
 * renamed to `PATH.bad-DATE`. Throws SchemaError, and HostError when neither can be opened.
 */
export function openDatabase(host: OpenHost, log: Log, path: string, isDamaged = false): OpenDatabase {
	if (!isDamaged) {
		try {
			return openPlain(host, path);
		} catch (error) {
			if (!isDamage(error)) throw error;
			log.write("error", `Error: The database '${path}' is damaged (${(error as HostError).message}).`);
		}
	}
	const aside = setAside(host, path);
	log.write("error", `Error: The damaged database is kept as '${aside}'.`);
	const fresh = openPlain(host, path);
	carryOver(host, log, aside, fresh.tables);
	return fresh;
}

function openPlain(host: OpenHost, path: string): OpenDatabase {
	const database = host.databases.open(path);
	try {
		prepareSchema(database, host.utf8);
		// The log is written into the file when it has some size: see Usage.
		database.exec("PRAGMA wal_autocheckpoint = 0");
		const tables = new Tables(database, host.utf8);
		tables.check();
		return { database, tables };
	} catch (error) {
		database.close();
		throw error;
	}
}

function setAside({ files, clock }: OpenHost, path: string): string {
	const date = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+Z$/g, "");
	let aside = `${path}.bad-${date}`;
	for (let i = 2; files.info(aside) !== null; i++) aside = `${path}.bad-${date}-${i}`;
	// First the log: without it the file is older, but with the file of another it would be a mixture.
	if (files.info(`${path}-wal`) !== null) files.rename(`${path}-wal`, `${aside}-wal`);
	files.rename(path, aside);
	return aside;
}

function carryOver(host: OpenHost, log: Log, aside: string, tables: Tables): void {
	let old: Database | null = null;
	try {
		old = host.databases.open(aside);
		// It stays as it is: what a new version is made of may be what cannot be read.
		const version = schemaVersion(old);
		const from = new Tables(old, host.utf8);
		const readRetained =
			version < PACKED_VERSION
				? retainedColumns(old, host.utf8)
				: (after: number, limit: number) => from.retained(after, limit);
		tables.begin();
		const { sessions, messages, retained, isWhole } = salvage(from, readRetained, tables);
		tables.commit();
		const what = `${sessions} sessions, ${messages} messages to them and ${retained} retained messages`;
		const rest = isWhole ? "" : " The rest could not be read.";
		log.write("warning", `Warning: Carried over from the damaged database: ${what}.${rest}`);
	} catch (error) {
		tables.rollback();
		log.write(
			"warning",
			`Warning: Nothing could be read of the damaged database (${(error as Error).message}).`,
		);
	} finally {
		old?.close();
	}
}
