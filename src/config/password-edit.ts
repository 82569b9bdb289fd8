/** Changing a password file, line by line. Comments, order and other users' lines stay as they are. */

/** Octets of a password, and characters of a user name, at most: what CONNECT can carry. */
export const MAXIMUM_LENGTH = 65535;

/** Why a user name cannot stand in a password file; null when it can. */
export function complaintAboutName(name: string): string | null {
	if (name === "") return "Empty user name.";
	if (name.includes(":")) return "Username must not contain the ':' character.";
	if (name.length > MAXIMUM_LENGTH) return "Username must be less than 65536 characters long.";
	for (const character of name) if (character < " ") return "Username must not contain control characters.";
	// The reader of the file would take it for a comment, or for another name.
	if (name.startsWith("#") || name !== name.trim())
		return "Username must not begin with #, nor have blanks around it.";
	return null;
}

/** Why octets are no password; null when they are. */
export function complaintAboutPassword(password: Uint8Array): string | null {
	if (password.length === 0) return "Empty password.";
	return password.length > MAXIMUM_LENGTH ? "Password must be less than 65536 octets long." : null;
}

/** The lines of a password file's text. */
export function passwordLines(text: string): string[] {
	const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
	if (lines.at(-1) === "") lines.pop();
	return lines;
}

/** The user that a line is about; null for comments. */
export function nameOf(line: string): string | null {
	const colon = line.indexOf(":");
	return line.startsWith("#") || colon < 0 ? null : line.slice(0, colon).trim();
}

/** The text of a file of these lines. */
export function passwordText(lines: readonly string[]): string {
	return lines.map((line) => `${line}\n`).join("");
}
