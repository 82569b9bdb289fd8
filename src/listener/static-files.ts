/** The files of `http_dir`: read-only, below one directory, none that is hidden, none by way of a symbolic link. */

import type { Files, HostError, Utf8 } from "../host/host.ts";
import { HttpError, type Request } from "../websocket/http.ts";
import type { Answer } from "../websocket/http-stage.ts";

/** Octets of a file that is served at most: it is read at once. */
export const FILE_LIMIT = 1024 * 1024;

/** Media types by ending; anything else is octets. */
const TYPES: Readonly<Record<string, string>> = {
	css: "text/css; charset=utf-8",
	gif: "image/gif",
	htm: "text/html; charset=utf-8",
	html: "text/html; charset=utf-8",
	ico: "image/x-icon",
	jpeg: "image/jpeg",
	jpg: "image/jpeg",
	js: "text/javascript; charset=utf-8",
	json: "application/json",
	map: "application/json",
	mjs: "text/javascript; charset=utf-8",
	pdf: "application/pdf",
	png: "image/png",
	svg: "image/svg+xml",
	txt: "text/plain; charset=utf-8",
	wasm: "application/wasm",
	webp: "image/webp",
	woff: "font/woff",
	woff2: "font/woff2",
	xml: "application/xml",
};

export interface StaticHost {
	readonly files: Pick<Files, "read" | "info">;
	readonly utf8: Pick<Utf8, "decode" | "encode">;
}

/** Answers a request with a file below `directory`. Throws an HttpError when there is none. */
export function answerWithFile(host: StaticHost, directory: string, request: Request): Answer {
	if (request.method !== "GET" && request.method !== "HEAD")
		throw new HttpError(405, "only GET and HEAD are served");
	const path = request.target.split("?", 1)[0]!;
	const segments = segmentsOf(path, host.utf8);
	const wantsIndex = segments.at(-1) === "";
	if (wantsIndex) segments[segments.length - 1] = "index.html";
	const kind = kindOf(host, directory, segments);
	if (kind === "directory") return redirect(`${path}/`);
	if (kind !== "file") throw notFound();
	const name = segments.at(-1)!;
	return {
		status: 200,
		headers: [
			[
				"Content-Type",
				TYPES[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream",
			],
			["X-Content-Type-Options", "nosniff"],
			["Cache-Control", "no-cache"],
		],
		body: read(host, `${directory}/${segments.join("/")}`),
	};
}

function notFound(): HttpError {
	return new HttpError(404, "Not found.");
}

/** A place relative to this server: a path that begins with two slashes would be that of another one. */
function redirect(path: string): Answer {
	const location = `/${path.replace(/^\/+/, "")}`;
	return { status: 301, headers: [["Location", location]], body: new Uint8Array(0) };
}

/** The decoded parts of a path, the last one empty where it ends with a slash; none that leads elsewhere, or is hidden. */
function segmentsOf(path: string, utf8: Pick<Utf8, "decode" | "encode">): string[] {
	const segments = path
		.slice(1)
		.split("/")
		.map((part) => decodePart(part, utf8));
	const isGood = (segment: string, index: number) =>
		segment === ""
			? index === segments.length - 1
			: !segment.startsWith(".") &&
				!/[/\\]/.test(segment) &&
				![...segment].some((each) => each < " " || each === "\x7f");
	if (!segments.every(isGood)) throw notFound();
	return segments;
}

function decodePart(part: string, utf8: Pick<Utf8, "decode" | "encode">): string {
	const octets: number[] = [];
	for (let at = 0; at < part.length; at++) {
		if (part[at] !== "%") {
			octets.push(part.charCodeAt(at));
			continue;
		}
		const hex = part.slice(at + 1, at + 3);
		if (!/^[0-9a-f]{2}$/i.test(hex)) throw new HttpError(400, "a malformed path");
		octets.push(Number.parseInt(hex, 16));
		at += 2;
	}
	// U+0000 is ill-formed here, as a path must not have it.
	return utf8.decode(Uint8Array.from(octets), 0, octets.length) ?? notFoundText();
}

function notFoundText(): never {
	throw notFound();
}

/** What is there; every part of the way must be a directory itself. */
function kindOf(host: StaticHost, directory: string, segments: readonly string[]): string | null {
	let path = directory;
	for (const [index, segment] of segments.entries()) {
		path += `/${segment}`;
		const kind = infoOf(host, path);
		if (index === segments.length - 1) return kind;
		if (kind !== "directory") return null;
	}
	return null;
}

function infoOf(host: StaticHost, path: string): string | null {
	try {
		return host.files.info(path)?.kind ?? null;
	} catch {
		// A name that is too long, or a directory that may not be searched: to the client all the same.
		return null;
	}
}

function read(host: StaticHost, path: string): Uint8Array {
	try {
		return host.files.read(path, FILE_LIMIT);
	} catch (error) {
		if ((error as HostError).code === "EFBIG") throw new HttpError(413, "the file is too long to be served");
		throw notFound();
	}
}
