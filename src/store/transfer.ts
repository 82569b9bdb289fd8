/** Export and import of a whole database, while no broker has it open. */

import type { Database, Databases, Files, HostError } from "../host/host.ts";
import type { TextCodec } from "../packet/packet.ts";
import type { ByteSource } from "./byte-source.ts";
import { exportLines } from "./export.ts";
import { importLines, LineError } from "./import-lines.ts";
import { importMosquitto } from "./import-mosquitto.ts";
import { type ImportCounts, Importer } from "./importer.ts";
import { isMosquittoFile, NotMosquittoError } from "./mosquitto-file.ts";
import { prepareSchema, SchemaError } from "./schema.ts";

export interface TransferHost {
	readonly databases: Databases;
	readonly files: Files;
	readonly utf8: TextCodec;
	/** Milliseconds since 1970. */
	readonly clock: { now(): number };
}

/** What could not be done, in words for the user. */
export class TransferError extends Error {}

/** What an import did, in words for the user. */
export interface ImportReport {
	readonly counts: ImportCounts;
	/** What was left out, and why. */
	readonly warnings: readonly string[];
}

/** Exports the database at `path`; each line, without its end, goes to `write`. Throws TransferError, and what `write` throws. */
export function exportDatabase(host: TransferHost, path: string, write: (line: string) => void): void {
	if (host.files.info(path) === null) throw new TransferError(`There is no database '${path}'`);
	withDatabase(host, path, (database) => exportLines(database, host.utf8, seconds(host), write));
}

/**
 * Imports a file, an export or mosquitto's, into the database at `path`, which is made when there is none. Everything is there
 * afterwards, or nothing has changed. Throws TransferError.
 */
export function importFile(host: TransferHost, path: string, file: string): ImportReport {
	const source = sourceOf(host, file);
	return withDatabase(host, path, (database) => {
		const importer = new Importer(database, host.utf8);
		try {
			const warnings = isMosquittoFile(source)
				? takeMosquitto(host, source, importer, file)
				: takeLines(host, source, importer);
			return { counts: importer.finish(), warnings };
		} catch (error) {
			importer.abandon();
			if (error instanceof LineError) throw new TransferError(`${file}:${error.line}: ${error.message}`);
			if (error instanceof NotMosquittoError) throw new TransferError(`'${file}' is ${error.message}`);
			throw error;
		}
	});
}

/**
 * Where there is no database at `path` yet, but a file of mosquitto's at `file`, imports that: what mosquitto kept goes on. Null
 * when there was nothing to do. Throws TransferError; nothing is left behind then, and the next start tries again.
 */
export function importFirst(host: TransferHost, path: string, file: string): ImportReport | null {
	const { files } = host;
	if (files.info(path) !== null || files.info(file) === null) return null;
	if (!isMosquittoFile(sourceOf(host, file))) return null;
	// Under another name until it is whole.
	const beside = `${path}.import`;
	removeDatabase(files, beside);
	try {
		const report = importFile(host, beside, file);
		if (files.info(`${beside}-wal`) !== null) throw new TransferError(`Unable to write '${beside}'`);
		files.rename(beside, path);
		return report;
	} catch (error) {
		removeDatabase(files, beside);
		throw error;
	}
}

function removeDatabase(files: Files, path: string): void {
	for (const each of [`${path}-wal`, path]) if (files.info(each) !== null) files.remove(each);
}

function seconds({ clock }: TransferHost): number {
	return Math.floor(clock.now() / 1000);
}

function sourceOf({ files }: TransferHost, file: string): ByteSource {
	return {
		read(position, length) {
			try {
				return files.readPart(file, position, length);
			} catch (error) {
				throw new TransferError(`Unable to read '${file}' (${(error as HostError).message})`);
			}
		},
	};
}

function withDatabase<T>(host: TransferHost, path: string, use: (database: Database) => T): T {
	let database: Database | null = null;
	try {
		database = host.databases.open(path);
		prepareSchema(database, host.utf8);
		return use(database);
	} catch (error) {
		throw toTransferError(error, path);
	} finally {
		database?.close();
	}
}

function toTransferError(error: unknown, path: string): unknown {
	if (error instanceof SchemaError)
		return new TransferError(`Unable to use the database '${path}': ${error.message}`);
	const code = error instanceof Error && "code" in error ? error.code : undefined;
	if (typeof code !== "string") return error;
	if (code === "EBUSY") return new TransferError(`The database '${path}' is in use; end the broker first`);
	return new TransferError(`Unable to use the database '${path}' (${(error as HostError).message})`);
}

function takeLines(host: TransferHost, source: ByteSource, importer: Importer): string[] {
	importLines(source, host.utf8, importer);
	return [];
}

function takeMosquitto(host: TransferHost, source: ByteSource, importer: Importer, file: string): string[] {
	const { summary, expired, dangling } = importMosquitto(source, host.utf8, importer, seconds(host));
	const warnings = summary.places.map(({ offset, cause }) => `'${file}', octet ${offset}: ${cause}`);
	if (summary.damaged > 0) {
		const { damaged, lostOctets } = summary;
		warnings.push(`'${file}' is damaged in ${damaged} places; ${lostOctets} octets could not be read`);
	}
	if (dangling > 0) warnings.push(`'${file}': ${dangling} records refer to others that are not there`);
	if (expired > 0)
		warnings.push(`'${file}': ${expired} sessions and messages were left out, as their time is over`);
	return warnings;
}

/** "1 session, 2 subscriptions, 3 messages to clients and 4 retained messages" */
export function describe({ sessions, subscriptions, deliveries, retained }: ImportCounts): string {
	const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
	const waiting = deliveries === 1 ? "1 message to clients" : `${deliveries} messages to clients`;
	const parts = [count(sessions, "session"), count(subscriptions, "subscription"), waiting];
	return `${parts.join(", ")} and ${count(retained, "retained message")}`;
}
