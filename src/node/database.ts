/** SQLite, by Node's own, which is loaded when it is first asked for. */

import { closeSync, constants, openSync } from "node:fs";
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import {
	DATABASE_SETUP,
	type Database,
	type Databases,
	type DatabaseValue,
	type Statement,
} from "../host/database.ts";
import { hostCall, hostError, toHostError } from "./errno.ts";

type Sqlite = typeof import("node:sqlite");

/** Primary result codes of SQLite (https://sqlite.org/rescode.html) that are the platform's doing. */
const READONLY = 8;
const CANTOPEN = 14;
const codes: Readonly<Record<number, string>> = {
	3: "EACCES", // PERM
	5: "EBUSY", // BUSY
	6: "EBUSY", // LOCKED
	7: "ENOMEM", // NOMEM
	[READONLY]: "EROFS",
	10: "EIO", // IOERR
	11: "DB_CORRUPT", // CORRUPT
	13: "ENOSPC", // FULL
	[CANTOPEN]: "EIO", // of a file beside the database
	15: "EBUSY", // PROTOCOL
	26: "DB_FOREIGN", // NOTADB
};

let loaded: Sqlite | null = null;

function load(): Sqlite {
	if (loaded !== null) return loaded;
	// It says that it is experimental, to the user's standard error. What we ask of it has been the same since 22.5.
	const { emitWarning } = process;
	process.emitWarning = () => {};
	try {
		// Not so in @types/node, but so in a Node that was built without it.
		const found = process.getBuiltinModule("node:sqlite") as Sqlite | undefined;
		if (found === undefined) throw hostError("ENOSYS");
		loaded = found;
		return found;
	} finally {
		process.emitWarning = emitWarning;
	}
}

/** The primary result code of what SQLite threw; -1 when it was not SQLite. */
function resultOf(error: unknown): number {
	const result = error instanceof Error ? (error as { errcode?: unknown }).errcode : undefined;
	return typeof result === "number" ? result & 0xff : -1;
}

/** A HostError where it is the platform's doing. Node's own errors have codes, which are not POSIX ones. */
function toError(error: unknown, result: number): Error {
	const code = codes[result];
	return code === undefined ? new Error(String(error), { cause: error }) : hostError(code, error);
}

function call<T>(use: () => T): T {
	try {
		return use();
	} catch (error) {
		// Of a value.
		if (error instanceof RangeError || error instanceof TypeError) throw error;
		throw toError(error, resultOf(error));
	}
}

const NO_OCTETS = new Uint8Array(0);
/** Octets of a packed row before its second column. */
const PACKED_HEAD = 12;

interface PackedRow {
	readonly number: number;
	readonly octets: Uint8Array;
}

class NodeStatement implements Statement {
	private readonly statement: StatementSync;
	/** It gives rows as arrays, as Node does since 22.16. */
	private readonly asArrays: boolean;

	constructor(statement: StatementSync) {
		this.statement = statement;
		this.asArrays = typeof statement.setReturnArrays === "function";
		if (this.asArrays) statement.setReturnArrays(true);
	}

	run(...values: DatabaseValue[]): number {
		return Number(call(() => this.statement.run(...values.map(toInput))).changes);
	}

	get(...values: DatabaseValue[]): DatabaseValue[] | null {
		const row = call(() => this.statement.get(...values.map(toInput)));
		return row === undefined ? null : this.columns(row);
	}

	all(...values: DatabaseValue[]): DatabaseValue[] {
		const flat: DatabaseValue[] = [];
		for (const row of call(() => this.statement.all(...values.map(toInput)))) {
			for (const value of this.columns(row)) flat.push(value);
		}
		return flat;
	}

	packed(limit: number, ...values: DatabaseValue[]): Uint8Array {
		const rows: PackedRow[] = [];
		let length = 0;
		let isDamaged = false;
		const inputs = values.map(toInput);
		try {
			// Whatever ends the loop ends the statement.
			for (const row of this.statement.iterate(...inputs)) {
				const [number, value] = this.columns(row);
				const octets = value instanceof Uint8Array ? value : NO_OCTETS;
				const end = length + PACKED_HEAD + octets.length;
				isDamaged = typeof number !== "number" || number < 0;
				if (isDamaged || (end > limit && length > 0)) break;
				rows.push({ number: Number(number), octets });
				length = end;
			}
		} catch (error) {
			// A number of the database, which is none that anybody has written.
			if (error instanceof RangeError) isDamaged = true;
			else throw toError(error, resultOf(error));
		}
		if (isDamaged) throw hostError("DB_CORRUPT");
		const bytes = new Uint8Array(length);
		const view = new DataView(bytes.buffer);
		let at = 0;
		for (const { number, octets } of rows) {
			view.setUint32(at, PACKED_HEAD + octets.length);
			view.setUint32(at + 4, Math.floor(number / 2 ** 32));
			view.setUint32(at + 8, number % 2 ** 32);
			bytes.set(octets, at + PACKED_HEAD);
			at += PACKED_HEAD + octets.length;
		}
		return bytes;
	}

	private columns(row: unknown): DatabaseValue[] {
		const values = this.asArrays ? (row as SQLOutputValue[]) : Object.values(row as object);
		return values as DatabaseValue[];
	}
}

/** Node would store every number as a floating-point one. */
function toInput(value: DatabaseValue): SQLInputValue {
	if (typeof value === "number") {
		if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number up to 2^53 - 1`);
		return BigInt(value);
	}
	if (typeof value === "string") {
		if (value.includes("\0")) throw new RangeError("text with U+0000");
	} else if (value !== null && !(value instanceof Uint8Array)) {
		throw new TypeError("not null, a number, text or octets");
	}
	return value;
}

/** A connection of Node as the contract has it. */
export class NodeDatabase implements Database {
	private readonly database: DatabaseSync;
	private closed = false;

	constructor(database: DatabaseSync) {
		this.database = database;
	}

	exec(sql: string): void {
		call(() => this.database.exec(sql));
	}

	prepare(sql: string): Statement {
		return new NodeStatement(call(() => this.database.prepare(sql)));
	}

	rollback(): void {
		try {
			this.database.exec("ROLLBACK");
		} catch {
			// There was none, or it is rolled back when the file is opened again.
		}
	}

	close(): void {
		if (this.closed) return;
		this.closed = true;
		closeQuietly(this.database);
	}
}

/** A connection to an empty database in memory. */
export function openInMemory(): NodeDatabase {
	return new NodeDatabase(new (load().DatabaseSync)(":memory:"));
}

function closeQuietly(database: DatabaseSync): void {
	try {
		database.close();
	} catch {
		// What is not in the file is in its log.
	}
}

/** Makes an empty file, which SQLite would let everybody read. What is there is not touched: closing it would end its locks. */
function create(path: string): void {
	try {
		closeSync(openSync(path, "wx", 0o600));
	} catch (error) {
		if ((error as { code?: unknown }).code !== "EEXIST") throw toHostError(error);
	}
}

/** SQLite does not tell why it cannot open a file: throws the reason, if it can be found. */
function tellWhy(path: string): void {
	hostCall(() => {
		closeSync(openSync(path, constants.O_RDWR));
		closeSync(openSync(`${path}-wal`, constants.O_RDWR | constants.O_CREAT, 0o600));
	});
}

export const databases: Databases = {
	open(path) {
		const { DatabaseSync } = load();
		create(path);
		let database: DatabaseSync | null = null;
		try {
			database = new DatabaseSync(path);
			database.exec(DATABASE_SETUP);
			return new NodeDatabase(database);
		} catch (error) {
			if (database !== null) closeQuietly(database);
			const result = resultOf(error);
			if (result === CANTOPEN || result === READONLY) tellWhy(path);
			throw toError(error, result);
		}
	},
};
