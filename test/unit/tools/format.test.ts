import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Message, type Properties } from "../../../src/client/client.ts";
import { compileFormat, printFormatted } from "../../../src/tools/format.ts";
import { compactJson, prettyJson } from "../../../src/tools/json.ts";
import { OutputBuffer } from "../../../src/tools/output-buffer.ts";
import { LocalTime } from "../../../src/tools/strftime.ts";
import { createFakeHost } from "../../fake/host.ts";

const MOMENT = Date.UTC(2026, 2, 4, 5, 6, 7, 89);
const { utf8 } = createFakeHost();

interface Given {
	payload?: Uint8Array | string;
	properties?: Properties;
	qos?: 0 | 1 | 2;
	retain?: boolean;
	topic?: string;
	pretty?: boolean;
	offset?: number;
}

/** What a format prints for a message. */
function print(format: string, given: Given = {}): { text: string; complaints: string[] } {
	const message = new Message();
	const payload = given.payload ?? "hello";
	message.topic = given.topic ?? "a/b";
	// Payloads stand somewhere in a larger array.
	const bytes = typeof payload === "string" ? utf8.encode(payload) : payload;
	message.payload = Uint8Array.of(9, ...bytes, 9);
	message.payloadStart = 1;
	message.payloadEnd = 1 + bytes.length;
	message.qos = given.qos ?? 0;
	message.packetId = message.qos === 0 ? 0 : 42;
	message.retain = given.retain ?? false;
	message.properties = given.properties ?? null;
	const output = new OutputBuffer(utf8);
	const complaints: string[] = [];
	printFormatted(output, compileFormat(format), message, {
		pretty: given.pretty ?? false,
		time: () => new LocalTime(MOMENT, given.offset ?? 0),
		decode: (octets, start, end) => utf8.decodeLossy(octets, start, end),
		complain: (text) => complaints.push(text),
	});
	const all = output.take();
	return { text: utf8.decodeLossy(all, 0, all.length), complaints };
}

const PROPERTIES: Properties = {
	payloadFormatIndicator: 1,
	messageExpiryInterval: 99,
	contentType: "text/plain",
	responseTopic: "r",
	correlationData: Uint8Array.of(0x63, 0x64),
	subscriptionIdentifier: [5, 6],
	topicAlias: 3,
	userProperty: [
		["k", "v"],
		["k", "w"],
	],
};

describe("-F prints", () => {
	const cases: readonly (readonly [string, string, Given?])[] = [
		["plain é", "plain é"],
		["%%|@@|\\\\", "%|@|\\"],
		["\\0\\a\\e\\n\\r\\t\\v", "\0\x07\x1b\n\r\t\v"],
		["%t|%p|%l|%q|%r|%m", "a/b|hello|5|0|0|0"],
		["%q|%r|%m", "2|1|42", { qos: 2, retain: true }],
		["%5l|%05l|%-5l|%-05l|", "    5|00005|5    |5    |"],
		["%7p|%-7p|%07p|%2p|", "  hello|hello  |00hello|he|"],
		["%6t|%-6t|%.1t|%6.2t|", "   a/b|a/b   |a|    a/|"],
		["%.3t|", "é|", { topic: "éé" }],
		["%x|%X", "68656c6c6f|68656C6C6F"],
		[
			"%12x|%2x|%-12x|%012x|",
			"          68|6865|68|0000000000|".replace(/.*/, "  68656c6c6f|6865|68656c6c6f  |0068656c6c6f|"),
		],
		["%.2x|%.2:x|%.4-X", "68 65 6c 6c 6f|68:65:6c:6c:6f|6865-6C6C-6F"],
		["%A|%C|%D|%E|%F|%P|%R|%S", "3|text/plain|cd|99|1|k:v k:w|r|5", { properties: PROPERTIES }],
		["%A|%3A|%03E|%C|%D|%P|%R|%S|", "|   |000||||||"],
		["%I|%U", "2026-03-04T05:06:07+0000|1772600767.089000000"],
		["%I", "2026-03-04T10:36:07+0530", { offset: 330 }],
		["%I", "2026-03-03T23:06:07-0600", { offset: -360 }],
		["@Y-@m-@d @N", "2026-03-04 089000000"],
		[
			"%f|%.2f|%8.2f|%08.2f|%-8.2f|",
			"1.500000|1.50|    1.50|00001.50|1.50    |",
			{ payload: Uint8Array.of(0, 0, 0xc0, 0x3f) },
		],
		["%.1d", "-2.0", { payload: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0xc0) }],
	];
	for (const [format, expected, given] of cases) {
		it(JSON.stringify(format), () => {
			const { text, complaints } = print(format, given);
			assert.equal(text, expected);
			assert.deepEqual(complaints, []);
		});
	}

	it("complains of a payload that is no float", () => {
		const { text, complaints } = print("<%f|%d>");
		assert.equal(text, "<|>");
		assert.equal(complaints.length, 2);
	});
});

describe("JSON", () => {
	it("%j has the payload as a text", () => {
		assert.equal(
			print("%j", { payload: 'say "hé"\n' }).text,
			'{"tst":"2026-03-04T05:06:07.089000+0000","topic":"a/b","qos":0,"retain":false,"payloadlen":10,"payload":"say \\"hé\\"\\n"}',
		);
		assert.match(print("%j", { payload: "" }).text, /"payloadlen":0,"payload":null\}$/);
		assert.match(
			print("%j", { qos: 1, retain: true }).text,
			/"qos":1,"retain":true,"payloadlen":5,"mid":42,/,
		);
	});

	it("%j has the properties", () => {
		const parsed = JSON.parse(print("%j", { properties: PROPERTIES }).text);
		assert.deepEqual(parsed.properties, {
			"payload-format-indicator": 1,
			"message-expiry-interval": 99,
			"content-type": "text/plain",
			"response-topic": "r",
			"correlation-data": "cd",
			"subscription-identifier": 6,
			"topic-alias": 3,
			"user-properties": [{ k: "v" }, { k: "w" }],
		});
	});

	it("%J has the payload as JSON, its members in their order", () => {
		const payload = ' {"10": 1, "2" : [1, {"x":1.50}], "u":"a\\"b [1, 2]"} ';
		assert.match(
			print("%J", { payload }).text,
			/"payload":\{"10":1,"2":\[1,\{"x":1.50\}\],"u":"a\\"b \[1, 2\]"\}\}$/,
		);
	});

	it("%J complains of a payload that is not JSON", () => {
		for (const payload of ["hello", "{", '{"a":1} x']) {
			const { text, complaints } = print("%J", { payload });
			assert.equal(text, "");
			assert.deepEqual(complaints, ["Error: Message payload is not valid JSON on topic a/b.\n"]);
		}
	});

	it("is indented by tabs with --pretty", () => {
		assert.equal(
			prettyJson('{"a":1,"b":{},"c":[1,{"d":"x, {y}"},[]],"e":{"f":null}}'),
			'{\n\t"a":\t1,\n\t"b":\t{\n\t},\n\t"c":\t[1, {\n\t\t\t"d":\t"x, {y}"\n\t\t}, []],\n\t"e":\t{\n\t\t"f":\tnull\n\t}\n}',
		);
		assert.match(print("%J", { payload: "[1]", pretty: true }).text, /^\{\n\t"tst":\t"2026/);
	});

	it("is made compact without a change of its meaning", () => {
		for (const json of ['[1, 2.50, -1e9, true, null, "a b\\\\"]', ' "x" ', "{ }"]) {
			assert.deepEqual(JSON.parse(compactJson(json) ?? ""), JSON.parse(json));
		}
		assert.equal(compactJson("1 2"), null);
	});
});
