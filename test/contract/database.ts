/** The contract of src/host/database.ts. */

import type { Database, DatabaseValue, Host } from "../../src/host/host.ts";
import { caught } from "./assert.ts";
import { equal, ok, pattern, scratch, type Tests, thrown } from "./harness.ts";

/** Runs `use` with a path for a database, which is removed afterwards with all that is beside it. */
function withPath(host: Host, use: (path: string) => void): void {
	const path = scratch(host, "database");
	const slash = path.lastIndexOf("/");
	const folder = path.slice(0, slash);
	try {
		use(path);
	} finally {
		for (const name of host.files.list(folder)) {
			if (name.startsWith(path.slice(slash + 1))) host.files.remove(`${folder}/${name}`);
		}
	}
}

function withDatabase(host: Host, use: (database: Database, path: string) => void): void {
	withPath(host, (path) => {
		const database = host.databases.open(path);
		try {
			use(database, path);
		} finally {
			database.close();
		}
	});
}

/** A table of keys and values of any type. */
const TABLE = "CREATE TABLE t (k INTEGER PRIMARY KEY, v)";

/** Fails unless `action` throws what is no HostError: the caller's own defect. */
function isDefect(action: () => unknown, what: string): void {
	const error = caught(action, what);
	ok(error instanceof Error, `${what}: an Error`);
	const { code } = error as { code?: unknown };
	ok(code === undefined, `${what}: a HostError ${String(code)}`);
}

/** Fails unless `action` throws a RangeError. */
function isRangeError(action: () => unknown, what: string): void {
	ok(caught(action, what) instanceof RangeError, `${what}: a RangeError`);
}

function isTypeError(action: () => unknown, what: string): void {
	ok(caught(action, what) instanceof TypeError, `${what}: a TypeError`);
}

function count(database: Database): DatabaseValue {
	return database.prepare("SELECT count(*) FROM t").get()![0]!;
}

export const databaseTests: Tests = {
	"database: triggers run, and the list of tables is read": (host) => {
		withDatabase(host, (database) => {
			database.exec(TABLE);
			database.exec("CREATE TABLE gone (k INTEGER)");
			database.exec("CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO gone VALUES (old.k); END");
			database.exec("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
			database.exec("DELETE FROM t WHERE k = 2");
			equal(database.prepare("SELECT k FROM gone").all(), [2], "what the trigger wrote");
			equal(
				database.prepare("SELECT name FROM sqlite_master ORDER BY name").all(),
				["g", "gone", "t"],
				"what there is",
			);
		});
	},

	"database: values of every type come back as they were": (host) => {
		withDatabase(host, (database) => {
			database.exec(TABLE);
			const values: DatabaseValue[] = [
				null,
				0,
				1,
				-1,
				127,
				128,
				-129,
				32_767,
				65_536,
				0x7fffffff,
				0x80000000,
			];
			values.push(-0x80000000, -0x80000001, 0xffffffff, 0x100000000, -0x100000001, 2 ** 53 - 1, 1 - 2 ** 53);
			values.push("", "abc", "größe", "日本語", "😀 \u{10ffff}", "'\"\\%_", "1", "x".repeat(70_000));
			values.push(new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(0, 255, 10), pattern(100_000));
			const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
			for (const [key, value] of values.entries()) equal(insert.run(key, value), 1, `insert ${key}`);
			const get = database.prepare("SELECT v, typeof(v) FROM t WHERE k = ?");
			for (const [key, value] of values.entries()) {
				const type =
					value === null
						? "null"
						: typeof value === "number"
							? "integer"
							: typeof value === "string"
								? "text"
								: "blob";
				equal(get.get(key), [value, type], `value ${key}`);
			}
			equal(database.prepare("SELECT v FROM t ORDER BY k").all(), values, "all of them");
			equal(Object.is(database.prepare("SELECT ? AS zero").get(-0)![0], 0), true, "there is one zero");
		});
	},

	"database: octets are copies, and a part of an array is one": (host) => {
		withDatabase(host, (database) => {
			database.exec(TABLE);
			const bytes = pattern(1000);
			database.prepare("INSERT INTO t VALUES (1, ?)").run(bytes.subarray(100, 200));
			bytes.fill(0);
			const get = database.prepare("SELECT v FROM t");
			const [one] = get.get() ?? [];
			const [other] = get.all();
			equal(one, pattern(1000).slice(100, 200), "as it was");
			ok(one instanceof Uint8Array && other instanceof Uint8Array, "octets");
			one.fill(1);
			equal(other, pattern(1000).slice(100, 200), "not the same memory");
			ok(one.slice().buffer !== one.buffer, "a plain Uint8Array, whose slice copies");
		});
	},

	"database: rows as octets": (host) => {
		withDatabase(host, (database) => {
			database.exec(TABLE);
			const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
			const keys = [0, 1, 258, 2 ** 32, 2 ** 53 - 1];
			const values = [Uint8Array.of(), Uint8Array.of(0, 255), "text", null, pattern(1000)];
			for (const [at, key] of keys.entries()) insert.run(key, values[at]!);
			const rows = [
				[0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0],
				[0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 1, 0, 255],
				[0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 1, 2],
				[0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0],
				[0, 0, 3, 244, 0, 31, 255, 255, 255, 255, 255, 255, ...pattern(1000)],
			];
			const statement = database.prepare("SELECT k, v FROM t WHERE k >= ? ORDER BY k");
			const octets = (from: number, to: number) => Uint8Array.from(rows.slice(from, to).flat());
			equal(statement.packed(10_000, 0), octets(0, 5), "all");
			equal(statement.packed(1062, 0), octets(0, 5), "as many as there may be");
			equal(statement.packed(1061, 0), octets(0, 4), "without the one that is too much");
			equal(statement.packed(26, 0), octets(0, 2), "two");
			equal(statement.packed(25, 0), octets(0, 1), "one");
			equal(statement.packed(0, 1), octets(1, 2), "at least one");
			equal(statement.packed(1, 2 ** 32 + 1), octets(4, 5), "a large one");
			equal(database.prepare("SELECT k, v FROM t WHERE k < 0").packed(100), new Uint8Array(0), "none");
			const all = statement.packed(10_000);
			equal(all.length, 0, "what is missing is null");
			insert.run(3, Uint8Array.of(3));
			equal(
				statement.packed(13, 2),
				Uint8Array.of(0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 3, 3),
				"nothing is left open",
			);
			for (const number of ["-1", "9007199254740992", "-9007199254740993"]) {
				const wrong = database.prepare(`SELECT ${number} AS k, v FROM t WHERE k = 0`);
				equal(thrown(() => wrong.packed(100)).code, "DB_CORRUPT", number);
			}
			isTypeError(() => statement.packed(10, true as unknown as null), "a boolean");
			equal(statement.packed(26, 0), octets(0, 2), "goes on");
		});
	},

	"database: numbers that are not whole, and text with U+0000, are refused": (host) => {
		withDatabase(host, (database) => {
			const echo = database.prepare("SELECT ? AS value");
			for (const number of [0.5, NaN, Infinity, 2 ** 53, -(2 ** 53), 1e300]) {
				isRangeError(() => echo.get(number), String(number));
			}
			isRangeError(() => echo.get("a\0b"), "U+0000");
			isTypeError(() => echo.get(undefined as unknown as null), "undefined");
			isTypeError(() => echo.get(true as unknown as null), "a boolean");
			isTypeError(() => echo.get({} as unknown as null), "an object");
			isTypeError(() => echo.get([] as unknown as null), "an array");
			isRangeError(
				() => database.prepare("SELECT 9007199254740992 AS value").get(),
				"a number of the database",
			);
			isRangeError(() => database.prepare("SELECT -9007199254740992 AS value").all(), "a negative one");
			equal(echo.get("still alive"), ["still alive"], "goes on");
		});
	},

	"database: parameters": (host) => {
		withDatabase(host, (database) => {
			const three = database.prepare("SELECT ? AS a, ? AS b, ? AS c");
			equal(three.get(1, "two", Uint8Array.of(3)), [1, "two", Uint8Array.of(3)], "in order");
			equal(three.get(1), [1, null, null], "what is missing is null, whatever it was before");
			isDefect(() => three.get(1, 2, 3, 4), "too many");
		});
	},

	"database: rows": (host) => {
		withDatabase(host, (database) => {
			database.exec(`${TABLE}; CREATE TABLE u (a, b, c)`);
			const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
			database.exec("BEGIN");
			for (let key = 0; key < 1000; key++) insert.run(key, `value ${key}`);
			database.exec("COMMIT");
			const part = database.prepare("SELECT k, v, k % 7 AS r FROM t WHERE k > ? ORDER BY k LIMIT ?");
			equal(part.all(996, 100), [997, "value 997", 3, 998, "value 998", 4, 999, "value 999", 5], "the last");
			equal(part.all(999, 100), [], "none");
			equal(part.get(999, 100), null, "not one");
			equal(part.get(5, 100), [6, "value 6", 6], "one of many");
			let seen = 0;
			for (let rows = part.all(-1, 300); rows.length > 0; rows = part.all(rows.at(-3)!, 300)) {
				for (let at = 0; at < rows.length; at += 3) equal(rows[at], seen++, "key");
			}
			equal(seen, 1000, "all in parts");
			equal(database.prepare("UPDATE t SET v = 1 WHERE k < ?").run(10), 10, "changed");
			equal(database.prepare("DELETE FROM t WHERE k < ?").run(20), 20, "deleted");
			equal(database.prepare("DELETE FROM t WHERE k < ?").run(20), 0, "nothing to delete");
			equal(database.prepare("INSERT INTO t VALUES (1, 2) RETURNING k + 1 AS next").all(), [2], "returned");
			database.prepare("SELECT * FROM t").run();
			database.prepare("CREATE TABLE v (a)").run();
			equal(database.prepare("CREATE TABLE w (a)").get(), null, "a table, of which no row is asked");
			equal(count(database), 981, "rows left");
		});
	},

	"database: a hundred thousand rows": (host) => {
		withDatabase(host, (database) => {
			database.exec(`${TABLE}; INSERT INTO t VALUES (0, 'topic/0')`);
			for (let count = 1; count < 100_000; count *= 2) {
				database.exec(
					`INSERT INTO t SELECT k + ${count}, 'topic/' || (k + ${count}) FROM t WHERE k + ${count} < 100000`,
				);
			}
			const part = database.prepare("SELECT k, v FROM t WHERE k > ? ORDER BY k LIMIT 1000");
			let last = -1;
			for (let rows = part.all(last); rows.length > 0; rows = part.all(last)) {
				for (let at = 0; at < rows.length; at += 2) {
					last++;
					if (rows[at] !== last || rows[at + 1] !== `topic/${last}`) equal(rows[at], last, "row");
				}
			}
			equal(last, 99_999, "last row");
		});
	},

	"database: a statement that failed can be used again": (host) => {
		withDatabase(host, (database) => {
			database.exec("CREATE TABLE t (k INTEGER PRIMARY KEY, v NOT NULL)");
			const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
			insert.run(1, "one");
			isDefect(() => insert.run(1, "again"), "a key that is there");
			isDefect(() => insert.run(2), "a value that must not be null");
			insert.run(2, "two");
			equal(database.prepare("SELECT k, v FROM t ORDER BY k").all(), [1, "one", 2, "two"], "rows");
		});
	},

	"database: wrong SQL is a defect": (host) => {
		withDatabase(host, (database) => {
			isDefect(() => database.exec("SELEC"), "exec");
			isDefect(() => database.prepare("SELECT x FROM nowhere"), "prepare");
			isDefect(() => database.exec("COMMIT"), "COMMIT without BEGIN");
		});
	},

	"database: transactions": (host) => {
		withDatabase(host, (database) => {
			database.exec(TABLE);
			database.rollback();
			const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
			database.exec("BEGIN");
			insert.run(1, 1);
			equal(count(database), 1, "inside");
			database.rollback();
			equal(count(database), 0, "rolled back");
			database.exec("BEGIN; INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, 2); COMMIT");
			database.rollback();
			equal(count(database), 2, "committed");
		});
	},

	"database: what was committed is there when it is opened again": (host) => {
		withPath(host, (path) => {
			const first = host.databases.open(path);
			first.exec(`${TABLE}; INSERT INTO t VALUES (1, 'one'); PRAGMA user_version = 7; BEGIN`);
			const statement = first.prepare("INSERT INTO t VALUES (2, 'two')");
			statement.run();
			first.close();
			first.close();
			first.rollback();
			isDefect(() => first.exec("SELECT 1"), "exec after close");
			isDefect(() => first.prepare("SELECT 1"), "prepare after close");
			isDefect(() => statement.run(), "run after close");
			equal(host.files.info(path)?.mode, 0o600, "permission bits");
			equal(host.files.info(`${path}-wal`), null, "no log is left");
			const second = host.databases.open(path);
			equal(second.prepare("SELECT k, v FROM t").all(), [1, "one"], "rows");
			equal(second.prepare("PRAGMA user_version").get(), [7], "version");
			equal(second.prepare("PRAGMA integrity_check").get(), ["ok"], "sound");
			second.close();
		});
	},

	"database: the log beside it, and no other file": (host) => {
		withDatabase(host, (database, path) => {
			database.exec(`${TABLE}; INSERT INTO t VALUES (1, 2)`);
			const slash = path.lastIndexOf("/");
			const names = host.files.list(path.slice(0, slash));
			const name = path.slice(slash + 1);
			equal(
				names.filter((each) => each.startsWith(name)),
				[name, `${name}-wal`],
				"files",
			);
			equal(host.files.info(`${path}-wal`)?.mode, 0o600, "permission bits of the log");
		});
	},

	"database: a copy of the files while it is open is what was committed": (host) => {
		withDatabase(host, (database, path) => {
			database.exec(`${TABLE}; INSERT INTO t VALUES (1, 'one'); BEGIN; INSERT INTO t VALUES (2, 'two')`);
			// As after a power cut. Not under this database's name: a file must not be opened twice in one program.
			withPath(host, (copy) => {
				for (const suffix of ["", "-wal"]) {
					host.files.write(copy + suffix, host.files.read(path + suffix, 10_000_000), 0o600);
				}
				const other = host.databases.open(copy);
				equal(other.prepare("SELECT k, v FROM t").all(), [1, "one"], "rows");
				other.close();
			});
		});
	},

	"database: where there can be none": (host) => {
		withPath(host, (path) => {
			equal(thrown(() => host.databases.open("/nowhere/at/all")).code, "ENOENT", "in no folder");
			equal(thrown(() => host.databases.open("/proc")).code, "EISDIR", "a folder");
			equal(thrown(() => host.databases.open("/proc/self/new")).code, "ENOENT", "where nothing can be made");
			host.files.write(path, new Uint8Array(0));
			equal(thrown(() => host.databases.open(`${path}/x`)).code, "ENOTDIR", "below a file");
			// An empty file is an empty database.
			host.databases.open(path).close();
		});
	},

	"database: one program at a time": (host) => {
		withDatabase(host, (database, path) => {
			const error = thrown(() => host.databases.open(path));
			equal([error.code, error.message], ["EBUSY", "Device or resource busy"], "the second");
			database.exec(TABLE);
		});
	},

	"database: what is no database": (host) => {
		withPath(host, (path) => {
			host.files.write(path, pattern(10_000));
			const error = thrown(() => host.databases.open(path));
			equal([error.code, error.message], ["DB_FOREIGN", "not a database"], "error");
			equal(host.files.read(path, 10_000), pattern(10_000), "left as it was");
		});
	},

	"database: a damaged one": (host) => {
		withPath(host, (path) => {
			const whole = host.databases.open(path);
			whole.exec(`${TABLE}; CREATE TABLE u (k INTEGER PRIMARY KEY, v)`);
			const insert = whole.prepare("INSERT INTO t VALUES (?, ?)");
			whole.exec("BEGIN");
			for (let key = 0; key < 200; key++) insert.run(key, pattern(500));
			whole.exec("INSERT INTO u VALUES (1, 'kept'); COMMIT");
			whole.close();
			const bytes = host.files.read(path, 10_000_000);
			// Page 2 is the root of the first table.
			bytes.fill(0xee, 1024, 2048);
			host.files.write(path, bytes);
			const damaged = host.databases.open(path);
			const error = thrown(() => damaged.prepare("SELECT k, v FROM t").all());
			equal([error.code, error.message], ["DB_CORRUPT", "the database is damaged"], "error");
			equal(damaged.prepare("SELECT k, v FROM u").all(), [1, "kept"], "what is not damaged");
			ok(damaged.prepare("PRAGMA quick_check(1)").get()![0] !== "ok", "the check finds it");
			damaged.close();
		});
	},

	"database: a full disk": (host) => {
		withDatabase(host, (database) => {
			database.exec(`${TABLE}; PRAGMA max_page_count = 160`);
			const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
			const fill = () => {
				for (let key = 0; key < 100; key++) insert.run(key, pattern(4000));
			};
			const error = thrown(fill);
			equal([error.code, error.message], ["ENOSPC", "No space left on device"], "error");
			const rows = count(database);
			ok(typeof rows === "number" && rows > 10 && rows < 40, `${rows} rows`);
			database.rollback();
			database.exec("DELETE FROM t; PRAGMA max_page_count = 1000");
			fill();
			equal(count(database), 100, "when there is room again");
		});
	},

	"database: statements that nobody holds any more do no harm": (host) => {
		withPath(host, (path) => {
			let database: Database | null = host.databases.open(path);
			database.exec(TABLE);
			for (let key = 0; key < 500; key++) database.prepare("INSERT INTO t VALUES (?, ?)").run(key, key);
			const statement = database.prepare("SELECT k FROM t WHERE k = ?");
			database = null;
			equal(statement.get(400), [400], "a statement holds its database");
		});
	},
};
