/** The host contract on QuickJS: a thin face of the C host. */

import * as native from "native";
import { DATABASE_SETUP } from "../host/database.ts";
import type { Databases, Files, Host } from "../host/host.ts";
import { network } from "./network.ts";
import { qjsProcess, syslog } from "./process.ts";
import { tls } from "./tls.ts";

const files: Files = {
	read: native.readFile,
	readPart: native.readPart,
	write: native.writeFile,
	replace: native.replaceFile,
	append: native.openAppend,
	info: native.fileInfo,
	list: (path) => native.listFolder(path).sort(),
	rename: native.rename,
	remove: native.remove,
	setOwner: native.setOwner,
};

const databases: Databases = { open: (path) => native.openDatabase(path, DATABASE_SETUP) };

/** This process as a Host. There is one. */
export function createQuickJsHost(): Host {
	return {
		name: "quickjs",
		clock: { monotonic: native.monotonic, now: native.now, utcOffset: native.utcOffset },
		timers: { after: native.after },
		random: { bytes: native.randomBytes },
		utf8: {
			decode: native.utf8Decode,
			decodeLossy: native.utf8DecodeLossy,
			isValid: native.utf8IsValid,
			isPlain: native.utf8IsPlain,
			byteLength: native.utf8ByteLength,
			encodeInto: native.utf8EncodeInto,
			encode: native.utf8Encode,
		},
		crypto: {
			sha1: native.sha1,
			sha256: native.sha256,
			hmacSha256: native.hmacSha256,
			pbkdf2Sha256: native.pbkdf2Sha256,
			sha512: native.sha512,
			pbkdf2Sha512: native.pbkdf2Sha512,
			equal: native.equalOctets,
		},
		network,
		tls,
		files,
		databases,
		process: qjsProcess,
		syslog,
		copyMasked: native.copyMasked,
		createByteMap: native.createByteMap,
	};
}
