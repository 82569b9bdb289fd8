/** The opkg feed: what it holds, its index and its signature, as opkg would look at them. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { readIpk } from "../../scripts/ipk.ts";
import { compileCatalogue } from "../../scripts/lmo.ts";
import { catalogues, LUCI_APP } from "../../scripts/luci-texts.ts";
import { newKey, verifyMessage } from "../../scripts/usign.ts";
import { temporaryFolder } from "./harness.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ARCH = "mips_24kc";

function makeFeed(out: string, keyFile: string): void {
	const env = { ...process.env, MQTTD_FEED_KEY: keyFile };
	execFileSync(process.execPath, [join(ROOT, "scripts/feed.ts"), "--out", out, ARCH], { env });
}

test("packages, an index that is right about each, and a signature", (context) => {
	const folder = temporaryFolder(context);
	const key = newKey("test");
	writeFileSync(join(folder, "key.sec"), key.secret);
	const out = join(folder, "feed");
	makeFeed(out, join(folder, "key.sec"));
	// As `make feed` has it looked at.
	execFileSync(process.execPath, [join(ROOT, "test/feed.ts"), out]);

	assert.deepEqual(readdirSync(out).sort(), [key.fingerprint, ARCH, "licences.txt"].sort());
	const notices = readFileSync(join(out, "licences.txt"), "utf8");
	for (const holder of [
		/Fabrice Bellard/,
		/libuv project contributors/,
		/Apache License/,
		/Rich Felker/,
		/not evil/,
	])
		assert.match(notices, holder);
	const file = (name: string) => readFileSync(join(out, ARCH, name));
	const index = file("Packages").toString();
	assert.equal(gunzipSync(file("Packages.gz")).toString(), index);
	const publicKey = readFileSync(join(out, key.fingerprint), "utf8");
	assert.ok(verifyMessage(publicKey, file("Packages"), file("Packages.sig").toString()));

	const names: string[] = [];
	for (const entry of index.trimEnd().split("\n\n")) {
		const fields = new Map(
			entry.split("\n").flatMap((line) => {
				const match = /^([A-Za-z0-9-]+): (.*)$/.exec(line);
				return match?.[1] === undefined ? [] : [[match[1], match[2] ?? ""] as const];
			}),
		);
		const bytes = file(fields.get("Filename") ?? "");
		assert.equal(fields.get("Size"), String(bytes.length));
		assert.equal(fields.get("SHA256sum"), createHash("sha256").update(bytes).digest("hex"));
		const { control, data } = readIpk(bytes);
		const text = Buffer.from(control.find(({ path }) => path === "./control")?.content ?? []).toString();
		for (const line of text.trimEnd().split("\n")) assert.ok(entry.includes(line), line);
		assert.ok([ARCH, "all"].includes(fields.get("Architecture") ?? ""));
		const size = data.reduce((total, { content }) => total + (content?.length ?? 0), 0);
		assert.equal(fields.get("Installed-Size"), String(size));
		names.push(fields.get("Package") ?? "");
	}
	assert.deepEqual(
		names,
		["luci-app-mqttd", "luci-i18n-mqttd-zh-tw", "mqttd", "mqttd-nossl"].sort((a, b) =>
			`${a}_` < `${b}_` ? -1 : 1,
		),
	);
	assert.equal(readdirSync(join(out, ARCH)).length, names.length + 3);
});

test("the same packages make the same index", (context) => {
	const folder = temporaryFolder(context);
	const keyFile = join(folder, "key.sec");
	writeFileSync(keyFile, newKey("test").secret);
	const [one, two] = ["one", "two"].map((name) => {
		makeFeed(join(folder, name), keyFile);
		return readFileSync(join(folder, name, ARCH, "Packages"), "utf8");
	});
	assert.equal(one, two);
});

test("the web pages' packages: pages below /www, menu and rights in their places, LuCI's caches go; a translation", (context) => {
	const folder = temporaryFolder(context);
	execFileSync(process.execPath, [join(ROOT, "scripts/luci-ipk.ts"), folder]);
	const [app, translation] = readdirSync(folder).sort();
	assert.match(app ?? "", /^luci-app-mqttd_[0-9.]+-[0-9]+_all\.ipk$/);
	const { control, data } = readIpk(readFileSync(join(folder, app ?? "")));
	const paths = data.map(({ path }) => path);
	for (const path of [
		"./www/luci-static/resources/view/mqttd/overview.js",
		"./usr/share/luci/menu.d/luci-app-mqttd.json",
		"./usr/share/rpcd/acl.d/luci-app-mqttd.json",
	]) {
		assert.ok(paths.includes(path), path);
	}
	const script = control.find(({ path }) => path === "./postinst-pkg")?.content;
	const shell = execFileSync("busybox", ["ash", "-n"], { input: Buffer.from(script ?? []) });
	assert.equal(shell.length, 0);
	assert.match(Buffer.from(script ?? []).toString(), /\/etc\/init\.d\/rpcd reload/);

	// Where LuCI looks for the texts of a page, under the code that it has for the language.
	assert.match(translation ?? "", /^luci-i18n-mqttd-zh-tw_[0-9.]+-[0-9]+_all\.ipk$/);
	const texts = readIpk(readFileSync(join(folder, translation ?? "")));
	const fields = Buffer.from(
		texts.control.find(({ path }) => path === "./control")?.content ?? [],
	).toString();
	assert.match(fields, /^Depends: libc, luci-app-mqttd$/m);
	const content = (path: string) => texts.data.find((entry) => entry.path === path)?.content ?? Buffer.of();
	const catalogue = catalogues(LUCI_APP).get("zh_Hant");
	assert.ok(catalogue !== undefined);
	assert.deepEqual(
		Buffer.from(content("./usr/lib/lua/luci/i18n/mqttd.zh-tw.lmo")),
		Buffer.from(compileCatalogue(catalogue)),
	);
	const offer = Buffer.from(content("./etc/uci-defaults/luci-i18n-mqttd-zh-tw"));
	assert.match(offer.toString(), /^uci set luci\.languages\.zh_tw='[^']+'; uci commit luci$/m);
	execFileSync("busybox", ["ash", "-n"], { input: offer });
});
