/** Folders of authorities' certificates: which files count, and that nothing is taken twice. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { authoritiesIn, joined } from "../../../src/config/authorities.ts";
import { FakeFiles } from "../../fake/files.ts";

test("files by the names that people and openssl rehash give", () => {
	const files = new FakeFiles();
	for (const name of [
		"a.pem",
		"b.crt",
		"c.cer",
		"0123abcd.0",
		"README",
		"d.key",
		"0123abcd.r0",
		"0123ABCD.0",
	])
		files.put(`/ca/${name}`, "x");
	files.put("/ca/folder.pem/inside", "x");
	assert.deepEqual(authoritiesIn(files, "/ca"), ["/ca/0123abcd.0", "/ca/a.pem", "/ca/b.crt", "/ca/c.cer"]);
});

test("the same contents come once", () => {
	const [one, other] = [Buffer.from("one"), Buffer.from("two")];
	assert.equal(Buffer.from(joined([one, other, Buffer.from("one")])).toString(), "one\ntwo\n");
	assert.equal(joined([]).length, 0);
});
