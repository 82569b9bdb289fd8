/** The syntax of UCI files, as libuci has it: quotes, escapes, comments, lists, sections, and what is refused. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigError } from "../../../src/config/error.ts";
import { quoteUci, readUciFile } from "../../../src/config/uci-file.ts";
import { createFakeHost, fakeError } from "../../fake/host.ts";

const PATH = "/etc/config/test";

function read(text: string | Uint8Array) {
	const host = createFakeHost();
	if (typeof text === "string") host.files.put(PATH, text);
	else host.files.write(PATH, text);
	return readUciFile(host, PATH);
}

/** `TYPE NAME` with `option=values`. */
function brief(text: string): string[] {
	return read(text).sections.map(({ type, name, options }) => {
		const each = [...options.values()].map(
			(option) =>
				`${option.isList ? "@" : ""}${option.name}=${option.values.map((value) => value.text).join("|")}`,
		);
		return [type, name ?? "-", ...each].join(" ");
	});
}

describe("UCI files", () => {
	for (const [text, ...sections] of [
		[""],
		["\n\n# a comment\n   \t\n"],
		["config a\nconfig 'a'\nconfig \"a\" 'b'\n", "a -", "a -", "a b"],
		["config a b\n\toption x 1\n\toption y '2 3'\n\toption z \"4 5\"\n", "a b x=1 y=2 3 z=4 5"],
		["config a\noption x 1", "a - x=1"],
		["config a\r\noption x 1\r\nlist y 2\r\n", "a - x=1 @y=2"],
		["package p\nconfig a\n", "a -"],
		["c a\no x 1\nl y 2\n", "a - x=1 @y=2"],
		["config a; option x 1; list y 2;list y 3\n", "a - x=1 @y=2|3"],
		["config a\noption x 'it'\\''s'\n", "a - x=it's"],
		["config a\noption x 'a'\"b\"c\n", "a - x=abc"],
		['config a\noption x "a\\"b\\\\c\\d"\n', 'a - x=a"b\\cd'],
		["config a\noption x 'a\\b'\n", "a - x=a\\b"],
		["config a\noption x a\\ b\n", "a - x=a b"],
		["config a\noption x 1 # why\noption y 2# why\noption z '#3'\n", "a - x=1 y=2 z=#3"],
		["config a\noption x \\\n  1\noption y 2\n", "a - x=1 y=2"],
		['config a\noption x "one\\\ntwo"\n', "a - x=onetwo"],
		["config a\noption x 'one\ntwo'\n", "a - x=one\ntwo"],
		["config a\noption x 1\noption x 2\n", "a - x=2"],
		["config a\nlist x 1\nlist x 2\n", "a - @x=1|2"],
		["config a\noption x 1\nlist x 2\n", "a - @x=1|2"],
		["config a\nlist x 1\noption x 2\n", "a - x=2"],
		["config a\noption x\noption y ''\nlist z ''\n", "a -"],
		["config a\noption x 1\noption x ''\n", "a -"],
		["config a b\noption x 1\nconfig c\nconfig a b\noption y 2\n", "a b x=1 y=2", "c -"],
		["config a ''\nconfig a ''\n", "a -", "a -"],
		["config a\noption x 'grüße'\n", "a - x=grüße"],
	] as const) {
		test(JSON.stringify(text), () => assert.deepEqual(brief(text), sections));
	}

	for (const [text, error, line] of [
		["hello\n", "'hello' is none of config, option and list", 1],
		["\noption x 1\n", "'option' stands before the first section", 2],
		["config\n", "'config' takes a type and perhaps a name", 1],
		["config a b c\n", "'config' takes a type and perhaps a name", 1],
		["config a b-c\n", "'b-c' is not a name: letters, digits and _", 1],
		["config 'a b'\n", "'a b' is not a type of a section", 1],
		["config a\n\noption\n", "'option' takes a name and one value (in quotes, if it has blanks)", 3],
		["config a\nlist x 1 2\n", "'list' takes a name and one value (in quotes, if it has blanks)", 2],
		["config a\noption x-y 1\n", "'x-y' is not a name: letters, digits and _", 2],
		["config a\noption x 'y\n\n", "the quotation mark ' is not closed", 2],
		['config a\n\noption x "y\n', 'the quotation mark " is not closed', 3],
		["config a b\nconfig c b\n", "there is a section 'b' of another type already", 2],
		["package\n", "'package' takes a name", 1],
		["config a\noption x 'one\ntwo'\nwhat\n", "'what' is none of config, option and list", 4],
		["config a\noption x one\\\ntwo\nwhat\n", "'what' is none of config, option and list", 4],
	] as const) {
		test(`refused: ${JSON.stringify(text)}`, () => {
			assert.throws(
				() => read(text),
				(caught) => {
					assert.ok(caught instanceof ConfigError);
					assert.deepEqual(caught.lines, [`Error: ${error}.`, `Error found at ${PATH}:${line}.`]);
					return true;
				},
			);
		});
	}

	test("places of values, for whoever writes the file anew", () => {
		const { text, sections } = read("config user\n\n\toption password 'it'\\''s'  # secret\n");
		const value = sections[0]?.options.get("password")?.values[0];
		assert.ok(value !== undefined);
		assert.deepEqual([value.line, text.slice(value.start, value.end)], [3, "'it'\\''s'"]);
	});

	test("what is quoted is read as it was", () => {
		for (const text of ["a", "it's", "''", 'a b # c ; \\ " \n d']) {
			assert.equal(
				read(`config a\noption x ${quoteUci(text)}\n`).sections[0]?.options.get("x")?.values[0]?.text,
				text,
			);
		}
	});

	test("a file that is not there, too large, or not UTF-8", () => {
		assert.throws(
			() => readUciFile(createFakeHost(), PATH),
			/Unable to open config file '\/etc\/config\/test'/,
		);
		assert.throws(() => read(new Uint8Array(1024 * 1024 + 1).fill(10)), /Unable to open config file/);
		assert.throws(
			() => read(Uint8Array.of(0x23, 0xff)),
			/The config file '\/etc\/config\/test' is not UTF-8/,
		);
	});

	test("a file that only root may read: who can mend that is told", () => {
		const host = createFakeHost();
		host.files.read = () => {
			throw fakeError("EACCES");
		};
		assert.throws(
			() => readUciFile(host, PATH),
			(error) => {
				assert.ok(error instanceof ConfigError);
				assert.deepEqual(error.lines, [
					`Error: Unable to open config file '${PATH}' (Error EACCES).`,
					"Error: uci gives the file to root alone at each commit; /etc/init.d/mqttd reload gives it to the broker again.",
				]);
				return true;
			},
		);
	});

	test("sections beyond what anybody has", () => {
		assert.equal(read("config a\n".repeat(10_000)).sections.length, 10_000);
		assert.throws(() => read("config a\n".repeat(10_001)), /there are too many sections/);
	});

	test("any octets are read or refused, and nothing else happens", () => {
		const alphabet = [
			"config",
			"option",
			"list",
			" ",
			"\t",
			"\n",
			"'",
			'"',
			"\\",
			"#",
			";",
			"a",
			"b",
			"1",
			"\r\n",
		];
		let state = 1;
		for (let count = 0; count < 20_000; count++) {
			let text = "config a\n";
			for (let length = 0; length < 12; length++) {
				state = (Math.imul(state, 1103515245) + 12345) >>> 0;
				text += alphabet[(state >>> 16) % alphabet.length];
			}
			try {
				read(text);
			} catch (error) {
				assert.ok(error instanceof ConfigError, text);
			}
		}
	});
});
