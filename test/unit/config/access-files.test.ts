/** Password and ACL files: what is taken, what is left out, and what is refused, with the place. */

import assert from "node:assert/strict";
import { createHash, pbkdf2Sync } from "node:crypto";
import { describe, test } from "node:test";
import { readAclFile } from "../../../src/config/acl-file.ts";
import { ConfigError } from "../../../src/config/error.ts";
import { formatPasswordHash, parsePasswordHash } from "../../../src/config/password.ts";
import { readPasswordFile } from "../../../src/config/password-file.ts";
import { createFakeHost, type FakeHost } from "../../fake/host.ts";

const FILE = "/etc/mqttd/file";

function hostWith(content: string | Uint8Array, mode = 0o600): FakeHost {
	const host = createFakeHost();
	host.files.put(FILE, content, mode);
	return host;
}

function errorOf(action: () => unknown): string {
	try {
		action();
	} catch (error) {
		assert.ok(error instanceof ConfigError, String(error));
		return error.lines.join("\n");
	}
	return assert.fail("accepted");
}

const SALT = Buffer.alloc(12, 7);
const PBKDF2 = `$7$101$${SALT.toString("base64")}$${pbkdf2Sync("secret", SALT, 101, 64, "sha512").toString("base64")}`;
const SHA512 = `$6$${SALT.toString("base64")}$${createHash("sha512").update("secret").update(SALT).digest("base64")}`;

describe("password hashes", () => {
	test("are read and written as mosquitto_passwd has them", () => {
		for (const text of [PBKDF2, SHA512]) {
			const hash = parsePasswordHash(text);
			assert.ok(typeof hash !== "string", text);
			assert.equal(hash.hash.length, 64);
			assert.deepEqual([...hash.salt], [...SALT]);
			assert.equal(formatPasswordHash(hash), text);
		}
	});

	for (const [text, why] of [
		["secret", /not hashed/],
		["", /not hashed/],
		["$1$abc$def", /kind of password hash is unknown/],
		["$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaA", /argon2id .* mosquitto_passwd/],
		[PBKDF2.replace("$101$", "$0$"), /1 to 1000000 iterations/],
		[PBKDF2.replace("$101$", "$1000001$"), /1 to 1000000 iterations/],
		[PBKDF2.replace("$101$", "$1e3$"), /1 to 1000000 iterations/],
		[`${PBKDF2}$`, /kind of password hash is unknown/],
		[PBKDF2.slice(0, -4), /hash is not valid/],
		[SHA512.replace("==", "="), /hash is not valid/],
		["$6$$AAAA", /salt is not valid/],
		[`$6$${"AAAA".repeat(90)}$${"A".repeat(86)}==`, /salt is not valid/],
	] as const) {
		test(`refused: ${text.slice(0, 40)}`, () => {
			const result = parsePasswordHash(text);
			assert.ok(typeof result === "string");
			assert.match(result, why);
		});
	}
});

describe("password file", () => {
	test("users with their hashes; comments, empty lines and Windows line ends", () => {
		const { users, remarks } = readPasswordFile(
			hostWith(`# comment\r\nann:${PBKDF2}\r\n\r\nbob smith:${SHA512}\n`),
			FILE,
		);
		assert.deepEqual([...users.keys()], ["ann", "bob smith"]);
		assert.equal(users.get("ann")?.kind, "pbkdf2");
		assert.deepEqual(remarks, []);
	});

	test("a line that is not valid leaves out its user, and says where and why", () => {
		const { users, remarks } = readPasswordFile(
			hostWith(`ann:${PBKDF2}\nnothing\nbob:plain\nann:${SHA512}\n:${SHA512}\ncarl:\n`),
			FILE,
		);
		assert.deepEqual([...users.keys()], ["ann"]);
		assert.equal(users.get("ann")?.kind, "pbkdf2");
		assert.deepEqual(
			remarks.map(({ text }) => text),
			[
				`Error: ${FILE}:2: user 'nothing' is left out: there is no password.`,
				`Error: ${FILE}:3: user 'bob' is left out: the password is not hashed.`,
				`Error: ${FILE}:4: user 'ann' is left out: there is such a user already.`,
				`Warning: ${FILE}:5: the line has no user name.`,
				`Error: ${FILE}:6: user 'carl' is left out: there is no password.`,
			],
		);
	});

	test("a file that is wrong from end to end draws a bounded number of short remarks", () => {
		const { remarks } = readPasswordFile(hostWith(`${"x".repeat(1000)}\n`.repeat(1000)), FILE);
		assert.equal(remarks.length, 101);
		assert.ok(remarks.every(({ text }) => text.length < 200));
		assert.equal(
			remarks[0]?.text,
			`Error: ${FILE}:1: user '${"x".repeat(100)}...' is left out: there is no password.`,
		);
		assert.equal(remarks[100]?.text, `Warning: ${FILE}: there is more to be said, 900 times.`);
	});

	test("a file that others can read, a link, or one that cannot be read is an error", () => {
		for (const mode of [0o644, 0o604, 0o602]) {
			assert.equal(
				errorOf(() => readPasswordFile(hostWith(`ann:${PBKDF2}\n`, mode), FILE)),
				`Error: File ${FILE} has world readable permissions, and is refused. To fix this, use \`chmod o= ${FILE}\`.`,
			);
		}
		const link = hostWith(`ann:${PBKDF2}\n`);
		link.files.entries.get(FILE)!.kind = "link";
		assert.match(
			errorOf(() => readPasswordFile(link, FILE)),
			/^Error: Unable to open password file "\/etc\/mqttd\/file" \(it is a symbolic link; /,
		);
		link.process.environment.MOSQUITTO_UNSAFE_ALLOW_SYMLINKS = "1";
		assert.equal(readPasswordFile(link, FILE).users.size, 1);
		const others = hostWith(`ann:${PBKDF2}\n`, 0o644);
		others.process.environment.MQTTD_UNSAFE_ALLOW_WORLD_READABLE = "1";
		const { users, remarks } = readPasswordFile(others, FILE);
		assert.equal(users.size, 1);
		assert.match(
			remarks[0]?.text ?? "",
			/^Warning: File \/etc\/mqttd\/file has world readable permissions\./,
		);
		assert.match(
			errorOf(() => readPasswordFile(createFakeHost(), FILE)),
			/^Error: Unable to open password file "\/etc\/mqttd\/file" \(/,
		);
		assert.match(
			errorOf(() => readPasswordFile(hostWith(Uint8Array.of(0xff, 0x0a)), FILE)),
			/^Error: The password file '\/etc\/mqttd\/file' is not UTF-8\.$/,
		);
	});
});

describe("ACL file", () => {
	test("lines before the first user are for anonymous clients, patterns are for all", () => {
		const text = [
			"topic read $SYS/#",
			"# people",
			"user ann",
			"topic home/+/light",
			"topic\twrite  with space/x",
			"user bob smith",
			"topic deny home/secret",
			"pattern readwrite dev/%c/#",
			"user ann",
			"topic read more",
			"",
		].join("\r\n");
		const { rules, remarks } = readAclFile(hostWith(text.replace("with space", "with")), FILE);
		assert.deepEqual(remarks, []);
		assert.deepEqual(rules.anonymous, [{ access: "read", topicFilter: "$SYS/#", file: FILE, line: 1 }]);
		assert.deepEqual(rules.patterns, [{ access: "readwrite", topicFilter: "dev/%c/#", file: FILE, line: 8 }]);
		assert.deepEqual(
			[...rules.users],
			[
				[
					"ann",
					[
						{ access: "readwrite", topicFilter: "home/+/light", file: FILE, line: 4 },
						{ access: "write", topicFilter: "with/x", file: FILE, line: 5 },
						{ access: "read", topicFilter: "more", file: FILE, line: 10 },
					],
				],
				["bob smith", [{ access: "deny", topicFilter: "home/secret", file: FILE, line: 7 }]],
			],
		);
	});

	test("a topic may have spaces behind its access", () => {
		const { rules } = readAclFile(hostWith("topic read living room/#"), FILE);
		assert.deepEqual(rules.anonymous, [
			{ access: "read", topicFilter: "living room/#", file: FILE, line: 1 },
		]);
	});

	test("a pattern for everybody draws a remark", () => {
		const { remarks } = readAclFile(hostWith("pattern read all/#"), FILE);
		assert.match(remarks[0]?.text ?? "", /:1: pattern 'all\/#' has neither %c nor %u/);
	});

	for (const [text, error] of [
		["topic raed x", "invalid access 'raed': read, write, readwrite, deny."],
		["topic", "'topic' needs a topic filter."],
		["topic read", null],
		["user", "'user' needs a name."],
		["topic read a/#/b", "invalid topic filter 'a/#/b'."],
		["pattern write a+", "invalid topic filter 'a+'."],
		["acl x", "'acl' is none of user, topic and pattern."],
	] as const) {
		test(`${error === null ? "taken" : "refused"}: ${text}`, () => {
			if (error === null) assert.equal(readAclFile(hostWith(text), FILE).rules.anonymous.length, 1);
			else
				assert.equal(
					errorOf(() => readAclFile(hostWith(`# x\n${text}`), FILE)),
					`Error: ${FILE}:2: ${error}`,
				);
		});
	}
});
