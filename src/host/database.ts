/** SQLite: one file that is always one consistent state, whatever happens to the program or the power. */

/** What a column holds and a parameter takes: text without U+0000, whole numbers up to 2^53 - 1 either way. */
export type DatabaseValue = null | number | string | Uint8Array;

/**
 * A compiled statement. `values` are bound to its parameters (`?`, without numbers: those
 * come with Node 22.16) in order; what is missing is null. No call leaves
 * anything open: a long result is read in parts (`WHERE key > ? ORDER BY key LIMIT ?`), so that the file can be written
 * between them.
 */
export interface Statement {
	/** Runs it to its end; rows that it yields are dropped. Of INSERT, UPDATE and DELETE, returns how many rows it changed. */
	run(...values: DatabaseValue[]): number;
	/** The columns of the first row, or null when there is none. Columns have different names (`AS`). */
	get(...values: DatabaseValue[]): DatabaseValue[] | null;
	/**
	 * All rows in one array, the columns of one row after those of the other: this costs an interpreter least. Octets and
	 * text are copies. Columns have different names.
	 */
	all(...values: DatabaseValue[]): DatabaseValue[];
	/**
	 * The first rows as octets, which costs less than a value for each: as many as come to no more than `limit` octets, and at
	 * least one if there is one. Of a row there are 4 octets with how many it has, these included; 8 octets with its first
	 * column, a whole number from 0; and its second column, octets (anything else is none). The highest octet of a number is
	 * first. A number that is none of those is DB_CORRUPT.
	 */
	packed(limit: number, ...values: DatabaseValue[]): Uint8Array;
}

/**
 * An open database. Everything blocks. What the platform refuses is a HostError with one of these codes, and leaves
 * nothing of the statement behind; the transaction that it was in may be over or not, so that `rollback` is to follow:
 *
 * - ENOSPC: no room on the disk
 * - EIO: reading or writing failed, also where the file system has become read-only meanwhile
 * - EROFS: the file is one that can only be read
 * - EACCES, EMFILE and others of opening files
 * - EBUSY: another program has the database open
 * - ENOMEM: not enough memory
 * - DB_CORRUPT: damaged
 * - DB_FOREIGN: not a database at all, or one in a key
 *
 * Anything else is a defect of the caller: wrong SQL, a broken constraint, a value of another type, a database that is closed.
 */
export interface Database {
	/** Runs statements (`;` between them) that take no values and whose rows do not matter. */
	exec(sql: string): void;
	/** Compiles one statement, to be used many times. */
	prepare(sql: string): Statement;
	/** Ends a transaction, if one is open, as if it had not been. Never throws. */
	rollback(): void;
	/**
	 * Writes the write-ahead log into the file and lets go of both; a transaction that is open is rolled back. Never
	 * throws: what could not be written stays in the log, and is there when it is opened again. Idempotent.
	 */
	close(): void;
}

export interface Databases {
	/**
	 * Opens a database, created with the permission bits 0600 when there is none. It is this program's alone until it is
	 * closed, and has a write-ahead log beside it (`PATH-wal`), which belongs to it: who moves one moves both.
	 */
	open(path: string): Database;
}

/**
 * What a host makes of a connection, in this order. Exclusive from the beginning, so that the index of the write-ahead log
 * is in memory and needs no file of its own; every commit is on the disk when it returns; memory is small and bounded.
 *
 * Pages are small, as a commit writes whole ones. KiB written by 1000 transactions, each of 10 small retained messages, 10
 * queued ones and 10 that were delivered, with a log of 1 MiB: 18,402 with pages of 1 KiB, 25,350 with 2, 33,294 with 4,
 * 44,641 with 8. A log of 4 MiB would save 5 % of it, one of 256 KiB cost 7 % more.
 */
export const DATABASE_SETUP = `
	PRAGMA locking_mode = EXCLUSIVE;
	PRAGMA page_size = 1024;
	PRAGMA journal_mode = WAL;
	PRAGMA synchronous = FULL;
	PRAGMA cache_size = -256;
	PRAGMA temp_store = MEMORY;
	PRAGMA wal_autocheckpoint = 1024;
	PRAGMA journal_size_limit = 1048576;
	PRAGMA cell_size_check = ON;
`;
