/** Cipher suites that the C host has, by OpenSSL's names, and lists of them as OpenSSL writes these. */

/** Registered number, name, and the words of a list that stand for it. */
type Suite = readonly [number: number, name: string, words: readonly string[]];

const ECDSA = ["ECDHE", "EECDH", "ECDSA", "aECDSA"];
const RSA = ["ECDHE", "EECDH", "RSA", "aRSA"];
const ECDHE_PSK = ["ECDHE", "EECDH", "PSK", "kECDHEPSK"];
const PSK = ["PSK", "kPSK"];
const GCM_256 = ["AES", "AES256", "AESGCM"];
const GCM_128 = ["AES", "AES128", "AESGCM"];
const CHACHA = ["CHACHA20"];

/** TLS 1.3's, the most wanted first. */
const SUITES_13: readonly Suite[] = [
	[0x1302, "TLS_AES_256_GCM_SHA384", []],
	[0x1303, "TLS_CHACHA20_POLY1305_SHA256", []],
	[0x1301, "TLS_AES_128_GCM_SHA256", []],
];

/** TLS 1.2's, the most wanted first. */
const SUITES_12: readonly Suite[] = [
	[0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384", [...ECDSA, ...GCM_256]],
	[0xc030, "ECDHE-RSA-AES256-GCM-SHA384", [...RSA, ...GCM_256]],
	[0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305", [...ECDSA, ...CHACHA]],
	[0xcca8, "ECDHE-RSA-CHACHA20-POLY1305", [...RSA, ...CHACHA]],
	[0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256", [...ECDSA, ...GCM_128]],
	[0xc02f, "ECDHE-RSA-AES128-GCM-SHA256", [...RSA, ...GCM_128]],
	[0xccac, "ECDHE-PSK-CHACHA20-POLY1305", [...ECDHE_PSK, ...CHACHA]],
	[0xc038, "ECDHE-PSK-AES256-CBC-SHA384", [...ECDHE_PSK, "AES", "AES256"]],
	[0xc037, "ECDHE-PSK-AES128-CBC-SHA256", [...ECDHE_PSK, "AES", "AES128"]],
	[0x00a9, "PSK-AES256-GCM-SHA384", [...PSK, ...GCM_256]],
	[0xccab, "PSK-CHACHA20-POLY1305", [...PSK, ...CHACHA]],
	[0x00a8, "PSK-AES128-GCM-SHA256", [...PSK, ...GCM_128]],
	[0x00af, "PSK-AES256-CBC-SHA384", [...PSK, "AES", "AES256"]],
	[0x00ae, "PSK-AES128-CBC-SHA256", [...PSK, "AES", "AES128"]],
];

/** Words that stand for everything there is: all of it is good. */
const ALL: readonly string[] = ["ALL", "DEFAULT", "HIGH", "COMPLEMENTOFDEFAULT"];

/** OpenSSL's name of a suite. */
export function cipherName(number: number): string {
	const found = [...SUITES_13, ...SUITES_12].find((suite) => suite[0] === number);
	return found?.[1] ?? `0x${number.toString(16)}`;
}

/** Whether one word, or several with `+` between that must all fit, means the suite. */
function means(word: string, [, name, words]: Suite): boolean {
	return word
		.split("+")
		.every((part) => part === name || words.includes(part) || ALL.includes(part) || part === "TLSv1.2");
}

/** Numbers of TLS 1.3's suites that a list names; of all without a list. What is unknown is passed over, as OpenSSL does. */
export function suitesOf13(list: string | null): number[] {
	const names = list?.split(":") ?? SUITES_13.map((suite) => suite[1]);
	return names.flatMap((name) => SUITES_13.filter((suite) => suite[1] === name).map((suite) => suite[0]));
}

/**
 * Numbers of TLS 1.2's suites that a list names; of all without a list: names and words with colons, commas or spaces
 * between, `-` or `!` before what is taken out again, `+` before what goes to the end, `@` before what is passed over.
 */
export function suitesOf12(list: string | null): number[] {
	if (list === null) return SUITES_12.map((suite) => suite[0]);
	let chosen: Suite[] = [];
	const banned = new Set<Suite>();
	for (const item of list.replaceAll(/[:,]/g, " ").split(" ")) {
		const sign = /^[-!+@]/.exec(item)?.[0] ?? "";
		const word = item.slice(sign.length);
		if (word === "" || sign === "@") continue;
		const meant = SUITES_12.filter((suite) => means(word, suite));
		if (sign === "") chosen.push(...meant.filter((suite) => !chosen.includes(suite) && !banned.has(suite)));
		else if (sign === "+")
			chosen = [
				...chosen.filter((suite) => !meant.includes(suite)),
				...chosen.filter((suite) => meant.includes(suite)),
			];
		else chosen = chosen.filter((suite) => !meant.includes(suite));
		if (sign === "!") for (const suite of meant) banned.add(suite);
	}
	return chosen.map((suite) => suite[0]);
}
