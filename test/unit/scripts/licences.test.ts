/** The list of third-party parts: its versions and licences are those of the table of sources. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { documentOf, partsOf } from "../../../scripts/licences.ts";

const TABLE = `
quickjs  trixie  2025.04.26-1 q.tar.xz 00 MIT
libuv1   trixie  1.50.0-2     l.tar.gz 00 MIT
mbedtls  trixie  3.6.6        m.tar.gz 00 Apache-2.0_OR_GPL-2.0-or-later
sqlite3  trixie  3.46.1       s.tar.xz 00 blessing
busybox  trixie  1.37.0-6     b.tar.gz 00 GPL-2.0-only
`;

test("what is shipped, with upstream's version; what is for tests only is left out", () => {
	const parts = partsOf(TABLE, "1.2.5", "0.16.0", "24.0.0");
	assert.deepEqual(parts[0]?.version, "2025.04.26");
	assert.deepEqual(parts[2]?.licence, "Apache-2.0 OR GPL-2.0-or-later");
	const text = documentOf(parts);
	assert.match(text, /^\| \[musl\]\(.*\) \| 1\.2\.5 \| MIT \| binaries \|$/m);
	assert.doesNotMatch(text, /busybox/);
});

test("a part without a licence is named", () => {
	const table = TABLE.replace("l.tar.gz 00 MIT", "l.tar.gz 00");
	assert.throws(() => partsOf(table, "1", "1", "1"), /sources\.sh has no licence of libuv1/);
});
