/** mosquitto_passwd: what becomes of the file, and what is said when something is wrong. */

import assert from "node:assert/strict";
import { createHash, pbkdf2Sync } from "node:crypto";
import { describe, test } from "node:test";
import { runPasswd } from "../../../src/tools/passwd.ts";
import { createFakeHost, FakeExit, type FakeHost } from "../../fake/host.ts";

const FILE = "/etc/mqttd/passwd";

interface Result {
	readonly host: FakeHost;
	readonly code: number | null;
	readonly out: string;
	readonly err: string;
}

/** Runs it on a file with that content (null: there is none); `typed` comes on standard input. */
async function run(content: string | null, args: readonly string[], typed?: string): Promise<Result> {
	const host = createFakeHost();
	if (content !== null) host.files.put(FILE, content, 0o640, 7);
	const ended = runPasswd(host, args).catch((error: unknown) => {
		if (!(error instanceof FakeExit)) throw error;
	});
	if (typed !== undefined) {
		host.process.feed(typed);
		host.process.feed(null);
	}
	await ended;
	const { exitCode, stdout, stderr } = host.process;
	return { host, code: exitCode, out: stdout.text, err: stderr.text };
}

/** Whether a line of a password file is that user's, with that password. */
function isLine(line: string | undefined, name: string, password: string, kind: string): void {
	const [, user, type, ...fields] = /^([^:]*):\$([67])\$(.*)$/.exec(line ?? "") ?? [];
	assert.equal(user, name, line);
	const parts = (fields[0] ?? "").split("$");
	const [salt = "", hash] = parts.slice(-2);
	const octets = Buffer.from(salt, "base64");
	const iterations = type === "7" ? parts[0] : "";
	assert.equal(`${type} ${iterations}`.trim(), kind);
	const expected =
		type === "7"
			? pbkdf2Sync(password, octets, Number(iterations), 64, "sha512")
			: createHash("sha512").update(password).update(octets).digest();
	assert.equal(hash, expected.toString("base64"));
	assert.equal(octets.length, 12);
}

const PLAIN = "# users\nann:one\n\nbob:two\r\n";

describe("mosquitto_passwd", () => {
	test("-c -b creates a file for its owner alone, with a salt of its own each time", async () => {
		const { host, code, out } = await run(null, ["-c", "-b", FILE, "ann", "s\u00e9cret"]);
		assert.equal(code, 0);
		assert.equal(out, "Adding password for user ann\n");
		assert.equal(host.files.info(FILE)?.mode, 0o600);
		const [line, rest] = host.files.text(FILE).split("\n");
		isLine(line, "ann", "s\u00e9cret", "7 1000");
		assert.equal(rest, "");
	});

	test("-c does not replace a file that there is", async () => {
		const { host, code, err } = await run(PLAIN, ["-c", "-b", FILE, "ann", "x"]);
		assert.equal(code, 1);
		assert.match(err, /exists already/);
		assert.equal(host.files.text(FILE), PLAIN);
	});

	test("a user is added at the end, or changed in place; other lines stay", async () => {
		const added = await run("# users\nann:$6$x$y\n", ["-b", "-H", "sha512", FILE, "carl", "three"]);
		const lines = added.host.files.text(FILE).split("\n");
		assert.deepEqual(lines.slice(0, 2), ["# users", "ann:$6$x$y"]);
		isLine(lines[2], "carl", "three", "6");
		const changed = await run(added.host.files.text(FILE), ["-I", "7", "-b", FILE, "ann", "new"]);
		assert.equal(changed.out, "Updating password for user ann\n");
		const after = changed.host.files.text(FILE).split("\n");
		isLine(after[1], "ann", "new", "7 7");
		assert.deepEqual([after[0], after[2]], [lines[0], lines[2]]);
	});

	test("a file that everybody can read is its owner's alone afterwards; who else its owner let in stays", async () => {
		for (const [before, after] of [
			[0o644, 0o600],
			[0o666, 0o600],
			[0o640, 0o640],
		] as const) {
			const host = createFakeHost();
			host.files.put(FILE, PLAIN, before, 7);
			await runPasswd(host, ["-D", FILE, "ann"]).catch(() => undefined);
			assert.deepEqual([host.files.info(FILE)?.mode, host.files.info(FILE)?.owner], [after, 7]);
		}
	});

	test("-D deletes a user, and says when there is none", async () => {
		const deleted = await run(PLAIN, ["-D", FILE, "ann"]);
		assert.deepEqual([deleted.code, deleted.host.files.text(FILE)], [0, "# users\n\nbob:two\n"]);
		const missing = await run(PLAIN, ["-D", FILE, "carl"]);
		assert.deepEqual([missing.code, missing.host.files.text(FILE)], [1, PLAIN]);
		assert.equal(missing.err, "Warning: User carl not found in password file.\n");
	});

	test("-U hashes what is plain, and leaves what is hashed", async () => {
		const { host, code } = await run(`${PLAIN}dan:$6$abc$def\n`, ["-U", FILE]);
		const lines = host.files.text(FILE).split("\n");
		assert.equal(code, 0);
		assert.deepEqual([lines[0], lines[2], lines[4], lines[5]], ["# users", "", "dan:$6$abc$def", ""]);
		isLine(lines[1], "ann", "one", "7 1000");
		isLine(lines[3], "bob", "two", "7 1000");
	});

	test("-c - writes to standard output", async () => {
		const { code, out } = await run(null, ["-c", "-b", "-", "ann", "x"]);
		assert.equal(code, 0);
		isLine(out.trimEnd(), "ann", "x", "7 1000");
	});

	test("without -b it asks twice, unseen", async () => {
		const { host, code, err } = await run("", [FILE, "ann"], "typed\ntyped\n");
		assert.equal(code, 0);
		assert.equal(err, "Password: \nReenter password: \n");
		assert.ok(host.process.shown);
		isLine(host.files.text(FILE).trimEnd(), "ann", "typed", "7 1000");
		const other = await run("", [FILE, "ann"], "typed\ntipped\n");
		assert.match(other.err, /Error: Passwords do not match\.\n$/);
		const none = await run("", [FILE, "ann"], "typed");
		assert.match(none.err, /Error: No password was given\.\n$/);
		assert.deepEqual([other.code, none.code], [1, 1]);
	});

	for (const [args, error] of [
		[["-b", FILE, "a:b", "x"], /Username must not contain the ':' character/],
		[["-b", FILE, "", "x"], /Empty user name/],
		[["-b", FILE, "a\nb", "x"], /control characters/],
		[["-b", FILE, "#ann", "x"], /must not begin with #/],
		[["-b", FILE, " ann", "x"], /nor have blanks around it/],
		[["-b", FILE, "ann", ""], /Empty password/],
		[["-b", FILE, "ann"], /-b argument given but .* missing/],
		[["-b", FILE, "ann", "x", "y"], /Too many arguments/],
		[["-c"], /-c argument given but .* missing/],
		[["-c", "-D", FILE, "ann"], /Error: -c and -D cannot be used together/],
		[["-U", "-c", FILE], /Error: -c and -U cannot be used together/],
		[["-D", "-U", FILE], /Error: -D and -U cannot be used together/],
		[["-x", FILE], /Unknown option '-x'/],
		[["-H", "md5", FILE, "ann"], /Unknown hash type 'md5'/],
		[["-I", "0", FILE, "ann"], /Number of iterations/],
		[["-b", "-", "ann", "x"], /Only -c writes to standard output/],
		[["-b", "/none", "ann", "x"], /Unable to open password file \/none\. /],
		[[FILE], /username missing/],
	] as const) {
		test(`refused: ${args.join(" ").replace("\n", "\\n")}`, async () => {
			const { host, code, err } = await run(PLAIN, args);
			assert.equal(code, 1);
			assert.match(err, error);
			assert.equal(host.files.text(FILE), PLAIN);
		});
	}

	test("a file that is no password file stays as it is", async () => {
		const { code, err } = await run("ann:x\nsomething\n", ["-b", FILE, "ann", "x"]);
		assert.deepEqual([code, err], [1, "Error: Corrupt password file at line 2.\n"]);
	});

	test("a full disk is told", async () => {
		const host = createFakeHost();
		host.files.put(FILE, PLAIN);
		host.files.failWith = "ENOSPC";
		await runPasswd(host, ["-b", FILE, "ann", "x"]).catch(() => undefined);
		assert.equal(host.process.exitCode, 1);
		assert.match(host.process.stderr.text, /Unable to write password file/);
	});

	test("help", async () => {
		for (const args of [[], ["-h"], ["--help"]])
			assert.match((await run(null, args)).out, /^mosquitto_passwd manages/);
	});
});
