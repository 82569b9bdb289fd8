/** Installs, upgrades and removes packages on a test router by the rules of opkg: its order of scripts, and its care for conffiles. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
	chmodSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmdirSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { alternativesOf, readIpk } from "../../scripts/ipk.ts";
import type { Router, Said } from "./router.ts";

const INFO = "usr/lib/opkg/info";

export class Opkg {
	private readonly router: Router;
	/** Of conffiles, what they were when they were installed. */
	private readonly sums = new Map<string, string>();

	constructor(router: Router) {
		this.router = router;
	}

	/** Installs a package, or puts it in the place of the one of its name. Returns what its scripts said. */
	async install(bytes: Uint8Array): Promise<string> {
		const { control, data } = readIpk(bytes);
		const file = (name: string) => control.find(({ path }) => path === `./${name}`)?.content;
		const text = (name: string) => Buffer.from(file(name) ?? []).toString();
		const name = /^Package: (.+)$/m.exec(text("control"))?.[1];
		assert.ok(name !== undefined);
		const before = this.list(name);
		const env = { PKG_UPGRADE: before === null ? "0" : "1" };
		let said = "";
		if (before !== null) said += await this.script(name, "prerm", "upgrade", env);
		const conffiles = text("conffiles")
			.split("\n")
			.filter((path) => path !== "");
		const paths: string[] = [];
		for (const entry of data) {
			const path = entry.path.replace(/^\.\/|\/$/g, "");
			if (path === "") continue;
			const target = this.router.path(path);
			if (entry.path.endsWith("/")) {
				mkdirSync(target, { recursive: true });
				continue;
			}
			paths.push(`/${path}`);
			if (entry.link !== undefined) {
				rmSync(target, { force: true });
				symlinkSync(entry.link, target);
			} else if (entry.content !== undefined)
				this.put(`/${path}`, entry.content, entry.mode, conffiles.includes(`/${path}`));
		}
		for (const gone of (before ?? []).filter((path) => !paths.includes(path))) this.remove(gone, conffiles);
		for (const { path, content } of control) {
			if (content === undefined) continue;
			const target = this.router.path(`${INFO}/${name}.${path.slice(2)}`);
			writeFileSync(target, content);
			chmodSync(target, 0o755);
		}
		this.router.write(`${INFO}/${name}.list`, `${paths.join("\n")}\n`);
		for (const { path, target } of alternativesOf(text("control"))) {
			const link = this.router.path(path);
			if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(link);
			mkdirSync(dirname(link), { recursive: true });
			symlinkSync(target, link);
		}
		return said + (await this.script(name, "postinst", "configure", env));
	}

	/** Removes a package; conffiles that were changed stay. */
	async uninstall(name: string): Promise<string> {
		const paths = this.list(name);
		assert.ok(paths !== null, `${name} is not installed`);
		let said = await this.script(name, "prerm", "remove", { PKG_UPGRADE: "0" });
		const conffiles = this.router.read(`${INFO}/${name}.conffiles`).split("\n");
		for (const { path } of alternativesOf(this.router.read(`${INFO}/${name}.control`))) this.remove(path, []);
		for (const path of paths) this.remove(path, conffiles);
		said += await this.script(name, "postrm", "remove", { PKG_UPGRADE: "0" });
		for (const file of readdirSync(this.router.path(INFO))) {
			if (file.startsWith(`${name}.`)) rmSync(this.router.path(`${INFO}/${file}`));
		}
		return said;
	}

	private list(name: string): string[] | null {
		const path = `${INFO}/${name}.list`;
		return this.router.exists(path) ? this.router.read(path).trim().split("\n") : null;
	}

	/** A conffile that its owner has changed stays; the new one lies beside it, if there is something new. */
	private put(path: string, content: Uint8Array, mode: number, isConffile: boolean): void {
		const target = this.router.path(path);
		let to = target;
		if (isConffile) {
			const sum = sumOf(content);
			const installed = this.sums.get(path);
			const isChanged = existsSync(target) && sumOf(readFileSync(target)) !== installed;
			this.sums.set(path, sum);
			if (isChanged && sum === installed) return;
			if (isChanged) to = `${target}-opkg`;
		}
		rmSync(to, { force: true });
		mkdirSync(dirname(to), { recursive: true });
		writeFileSync(to, content);
		chmodSync(to, mode);
	}

	private remove(path: string, conffiles: readonly string[]): void {
		const target = this.router.path(path);
		const info = lstatSync(target, { throwIfNoEntry: false });
		if (info === undefined) return;
		if (conffiles.includes(path) && sumOf(readFileSync(target)) !== this.sums.get(path)) return;
		rmSync(target);
		for (let folder = dirname(target); folder !== this.router.root; folder = dirname(folder)) {
			if (readdirSync(folder).length > 0) break;
			rmdirSync(folder);
		}
	}

	private async script(
		name: string,
		script: string,
		action: string,
		env: Readonly<Record<string, string>>,
	): Promise<string> {
		const path = `/${INFO}/${name}.${script}`;
		if (!this.router.exists(path)) return "";
		const said: Said = await this.router.run(`${path} ${action}`, env);
		assert.equal(said.code, 0, `${name}.${script} ${action}\n${said.out}${said.err}`);
		return said.out + said.err;
	}
}

function sumOf(bytes: Uint8Array): string {
	return createHash("md5").update(bytes).digest("hex");
}
