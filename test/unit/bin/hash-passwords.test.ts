/** `mqttd --uci NAME --hash-passwords`: what it replaces, and that nothing else of the file changes. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProgramLog } from "../../../src/bin/log.ts";
import { runBroker } from "../../../src/bin/mqttd.ts";
import { readUci } from "../../../src/config/read-uci.ts";
import { createFakeHost, FakeExit, type FakeHost, fakeError } from "../../fake/host.ts";

const PATH = "/etc/config/mqttd";
const HASH = `$7$1$AAAA$${"A".repeat(86)}==`;

async function run(host: FakeHost, ...args: string[]): Promise<{ code: number; said: string }> {
	const log = new ProgramLog(host, "mqttd");
	try {
		await runBroker({ host, log, name: "mqttd", args }, () => assert.fail("a broker"));
	} catch (error) {
		assert.ok(error instanceof FakeExit, String(error));
		return { code: error.code, said: host.process.stderr.text.replaceAll(/^[0-9]+: /gm, "") };
	}
	return assert.fail("it does not end");
}

async function hash(text: string): Promise<{ host: FakeHost; code: number; said: string; now: string }> {
	const host = createFakeHost(["mqttd"]);
	host.files.put(PATH, text, 0o640);
	const { code, said } = await run(host, "--uci", "mqttd", "--hash-passwords");
	return { host, code, said, now: host.files.text(PATH) };
}

const PLAIN = `# users
config user 'ann'
	option password 'it'\\''s # 1' # hers

config user
	option username bob
	option password "two words"
config user carl
	option password '${HASH}'
config bridge
	option remote_password 'kept'
`;

describe("passwords of UCI", () => {
	test("plain ones are hashed in place; comments, order and all else stay", async () => {
		const { host, code, said, now } = await hash(PLAIN);
		assert.deepEqual([code, said], [0, ""]);
		assert.doesNotMatch(now, /it'|two words/);
		const shape = now.replaceAll(/\$7\$1000\$[A-Za-z0-9+/=$]+/g, "HASH");
		assert.equal(shape, PLAIN.replace("'it'\\''s # 1'", "'HASH'").replace('"two words"', "'HASH'"));
		assert.equal(host.files.info(PATH)?.mode, 0o640);
		assert.deepEqual([...(readUci(host, PATH).users?.keys() ?? [])], ["ann", "bob", "carl"]);
	});

	test("a second time nothing is written", async () => {
		const first = await hash(PLAIN);
		const replace = first.host.files.replace;
		first.host.files.replace = () => assert.fail("written");
		assert.equal((await run(first.host, "--uci", "mqttd", "--hash-passwords")).code, 0);
		first.host.files.replace = replace;
	});

	test("what cannot be read or written is an error, and the file stays", async () => {
		const broken = "config user x\n\toption password 'a\n";
		const read = await hash(broken);
		assert.deepEqual([read.code, read.now], [3, broken]);
		assert.match(read.said, /the quotation mark ' is not closed/);
		const long = `config user x\n\toption password '${"a".repeat(65536)}'\n`;
		const tooLong = await hash(long);
		assert.deepEqual([tooLong.code, tooLong.now], [3, long]);

		const host = createFakeHost(["mqttd"]);
		host.files.put(PATH, PLAIN);
		host.files.replace = () => {
			throw fakeError("EROFS");
		};
		const { code, said } = await run(host, "--uci", "mqttd", "--hash-passwords");
		assert.equal(code, 3);
		assert.match(said, /^Error: Unable to write '\/etc\/config\/mqttd' \(/);
	});

	test("it needs a UCI file; UCI_CONFIG_DIR and paths say where", async () => {
		const host = createFakeHost(["mqttd"]);
		const { code } = await run(host, "--hash-passwords");
		assert.equal(code, 3);
		assert.match(host.process.stderr.text, /--hash-passwords needs --uci/);
		for (const [name, path, folder] of [
			["mqttd", "/x/mqttd", "/x"],
			["/y/other", "/y/other", "/x"],
			["./z", "./z", undefined],
		] as const) {
			const elsewhere = createFakeHost(["mqttd"]);
			if (folder !== undefined) elsewhere.process.environment.UCI_CONFIG_DIR = folder;
			elsewhere.files.put(path, PLAIN);
			assert.equal((await run(elsewhere, "--uci", name, "--hash-passwords")).code, 0);
			assert.doesNotMatch(elsewhere.files.text(path), /two words/);
		}
	});
});
