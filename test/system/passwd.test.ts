/**
 * mosquitto_passwd on every host, beside Debian's: each changes the file that the other has made, and Debian's broker lets in
 * whom ours has written.
 */

import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parsePasswordHash } from "../../src/config/password.ts";
import { builtPrograms, commandOf, Running, run, temporaryFolder } from "./harness.ts";
import { debianProgram, startMosquitto } from "./mosquitto.ts";
import { RawClient } from "./raw-client.ts";

/** Each user with the kind of hash, and its iterations. */
function users(file: string): string[] {
	const lines = readFileSync(file, "utf8").trim().split("\n");
	return lines.map((line) => {
		const [name = "", text = ""] = line.split(":");
		const hash = parsePasswordHash(text);
		return `${name} ${typeof hash === "string" ? hash : `${hash.kind} ${hash.iterations}`}`;
	});
}

for (const program of builtPrograms()) {
	test(`mosquitto_passwd: ${program.name}, beside Debian's`, async (context) => {
		const folder = temporaryFolder(context);
		const [file, plain] = [join(folder, "passwords"), join(folder, "plain")];
		const own = async (...args: string[]) => {
			const ended = await run(program, ["passwd", ...args]);
			assert.equal(ended.code, 0, ended.stderr);
			return ended.stdout;
		};
		const debian = async (...args: string[]) => {
			const { code, stderr } = await new Running([debianProgram("bin/mosquitto_passwd"), args]).ended;
			assert.equal(code, 0, stderr);
		};

		await own("-c", "-b", file, "ann", "p\u00e4ss");
		const { ino, mode } = statSync(file);
		assert.equal(mode & 0o777, 0o600);
		await own("-b", "-H", "sha512", file, "bob", "two");
		assert.notEqual(statSync(file).ino, ino, "another file in its place");
		assert.equal(statSync(file).mode & 0o777, 0o600);
		await own("-b", "-I", "7", "-H", "sha512-pbkdf2", file, "carl", "three");
		await debian("-b", file, "dora", "four");
		await debian("-D", file, "bob");
		assert.deepEqual(users(file), ["ann pbkdf2 1000", "carl pbkdf2 7", "dora pbkdf2 101"]);
		chmodSync(file, 0o644);
		await own("-D", file, "carl");
		assert.equal(statSync(file).mode & 0o777, 0o600, "nobody else can read it any more");

		// Typed at a terminal, unseen; then from a pipe.
		const [command, args] = commandOf(program, ["passwd", file, "eve"]);
		const line = [command, ...args].map((part) => `'${part}'`).join(" ");
		const terminal = new Running(["script", ["-qec", line, "/dev/null"]], "typed\ntyped\n");
		const typed = await terminal.ended;
		assert.equal(typed.code, 0, typed.stdout);
		assert.match(typed.stdout, /Password: [\s\S]*Reenter password: /);
		const piped = new Running(commandOf(program, ["passwd", file, "fred"]), "six\nsix\n");
		assert.equal((await piped.ended).code, 0);
		const differing = new Running(commandOf(program, ["passwd", file, "fred"]), "six\nseven\n");
		assert.deepEqual((await differing.ended).code, 1);

		writeFileSync(plain, "# kept\ngina:seven\n", { mode: 0o600 });
		await own("-U", plain);
		writeFileSync(file, readFileSync(file, "utf8") + readFileSync(plain, "utf8").replace("# kept\n", ""));
		writeFileSync(file, readFileSync(file, "utf8") + (await own("-c", "-b", "-", "hank", "eight")));
		assert.deepEqual(
			users(file),
			["ann", "dora", "eve", "fred", "gina", "hank"].map(
				(name) => `${name} pbkdf2 ${name === "dora" ? 101 : 1000}`,
			),
		);

		chmodSync(file, 0o644);
		const mosquitto = await startMosquitto(context, folder, [
			"allow_anonymous false",
			`password_file ${file}`,
		]);
		for (const login of ["ann p\u00e4ss", "dora four", "eve typed", "fred six", "gina seven", "hank eight"]) {
			const [username = "", password = ""] = login.split(" ");
			const who = { clientId: username, username, cleanStart: true };
			const { client } = await RawClient.open({ path: mosquitto.path }, { ...who, password });
			await client.end();
			await assert.rejects(RawClient.open({ path: mosquitto.path }, { ...who, password: `${password} ` }));
		}
		await mosquitto.stop();
	});
}
