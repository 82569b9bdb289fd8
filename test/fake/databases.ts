/**
 * Databases in memory, of Node's own SQLite. A file of FakeFiles stands for each, so that one that is renamed or removed
 * there is renamed or removed here, and one whose content a test replaces is not a database any more.
 */

import type { Database, Databases, DatabaseValue, Statement } from "../../src/host/database.ts";
import { openInMemory } from "../../src/node/database.ts";
import { fakeError } from "./error.ts";
import type { FakeFiles } from "./files.ts";

export class FakeDatabases implements Databases {
	/** When set, whatever is asked of a database fails with this code ("ENOSPC"), but for what only reads or ends a transaction. */
	failWith: string | null = null;
	/** When set, the next transaction fails with this code at its end, and is in the file all the same: so a disk may fail. */
	failAfterCommit: string | null = null;
	/** Statements run that write, `COMMIT` too: what costs something. */
	writes = 0;
	private readonly files: FakeFiles;
	private readonly byName = new Map<string, Database>();
	private readonly used = new Set<string>();

	constructor(files: FakeFiles) {
		this.files = files;
	}

	open(path: string): Database {
		if (this.files.info(path) === null) {
			this.mayWrite();
			const name = `SQLite ${this.byName.size}`;
			this.byName.set(name, openInMemory());
			this.files.put(path, name, 0o600);
		}
		const name = this.files.text(path);
		const database = this.byName.get(name);
		if (database === undefined) throw fakeError(name === "damaged" ? "DB_CORRUPT" : "DB_FOREIGN");
		if (this.used.has(name)) throw fakeError("EBUSY");
		this.used.add(name);
		return new FakeDatabase(this, database, () => this.used.delete(name));
	}

	/** The program that had them open was killed; another one may open them. */
	abandon(): void {
		for (const database of this.byName.values()) database.rollback();
		this.used.clear();
	}

	/** For FakeDatabase: before a statement. */
	check(sql: string): void {
		if (/^\s*(?:SELECT|ROLLBACK|PRAGMA|BEGIN|END|WITH)\b/i.test(sql)) return;
		this.mayWrite();
		this.writes++;
	}

	private mayWrite(): void {
		if (this.failWith !== null) throw fakeError(this.failWith);
	}
}

/** A connection, which may be closed while the memory stays. */
class FakeDatabase implements Database {
	private readonly databases: FakeDatabases;
	private database: Database | null;
	private readonly onClose: () => void;

	constructor(databases: FakeDatabases, database: Database, onClose: () => void) {
		this.databases = databases;
		this.database = database;
		this.onClose = onClose;
	}

	exec(sql: string): void {
		this.get(sql).exec(sql);
		const { failAfterCommit } = this.databases;
		if (failAfterCommit === null || !sql.startsWith("COMMIT")) return;
		this.databases.failAfterCommit = null;
		throw fakeError(failAfterCommit);
	}

	prepare(sql: string): Statement {
		const statement = this.get("SELECT").prepare(sql);
		const checked =
			<T>(use: (...values: DatabaseValue[]) => T) =>
			(...values: DatabaseValue[]): T => {
				this.get(sql);
				return use(...values);
			};
		return {
			run: checked((...values) => statement.run(...values)),
			get: checked((...values) => statement.get(...values)),
			all: checked((...values) => statement.all(...values)),
			packed: (limit, ...values) => {
				this.get(sql);
				return statement.packed(limit, ...values);
			},
		};
	}

	rollback(): void {
		this.database?.rollback();
	}

	close(): void {
		if (this.database === null) return;
		this.rollback();
		this.database = null;
		this.onClose();
	}

	private get(sql: string): Database {
		if (this.database === null) throw new Error("the database is closed");
		this.databases.check(sql);
		return this.database;
	}
}
