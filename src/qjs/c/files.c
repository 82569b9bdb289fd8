/* Files: blocking calls, for start, reload and logging. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

enum { DEFAULT_MODE = 0644, FIRST_SIZE = 4096 };

typedef struct append_file {
	int fd;
} append_file;

static JSClassID append_class;

static JSValue throw_errno(void)
{
	return host_throw(-errno);
}

static int open_file(const char *path, int flags, mode_t mode)
{
	int fd;
	do
		fd = open(path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int host_write_all(int fd, const uint8_t *data, size_t length)
{
	while (length > 0) {
		ssize_t count = write(fd, data, length);
		if (count >= 0) {
			data += count;
			length -= (size_t)count;
		} else if (errno == EAGAIN) {
			struct pollfd ready = { .fd = fd, .events = POLLOUT };
			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* readFile(path, limit): Uint8Array */
static JSValue files_read(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int64_t limit;
	if (JS_ToInt64(ctx, &limit, argv[1]) < 0)
		return JS_EXCEPTION;
	const char *path = host_string(argv[0]);
	if (!path)
		return JS_EXCEPTION;
	int fd = open_file(path, O_RDONLY, 0);
	JS_FreeCString(ctx, path);
	if (fd < 0)
		return throw_errno();
	/* The size that the system tells is a hint only: some files grow, and some have none. */
	struct stat info;
	size_t size = FIRST_SIZE;
	if (fstat(fd, &info) == 0 && info.st_size > 0 && info.st_size < limit)
		size = (size_t)info.st_size + 1;
	uint8_t *data = host_alloc(size);
	size_t length = 0;
	int error = 0;
	for (;;) {
		ssize_t count = read(fd, data + length, size - length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			error = -errno;
		if (count <= 0)
			break;
		length += (size_t)count;
		if ((int64_t)length > limit) {
			error = UV_EFBIG;
			break;
		}
		if (length == size) {
			size *= 2;
			data = host_realloc(data, size);
		}
	}
	close(fd);
	JSValue result = error < 0 ? host_throw(error) : host_new_bytes(data, length);
	free(data);
	return result;
}

/* readPart(path, position, length): Uint8Array */
static JSValue files_read_part(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int64_t position, wanted;
	if (JS_ToInt64(ctx, &position, argv[1]) < 0 || JS_ToInt64(ctx, &wanted, argv[2]) < 0)
		return JS_EXCEPTION;
	const char *path = host_string(argv[0]);
	if (!path)
		return JS_EXCEPTION;
	int fd = open_file(path, O_RDONLY, 0);
	JS_FreeCString(ctx, path);
	if (fd < 0)
		return throw_errno();
	struct stat info = { 0 };
	int error = fstat(fd, &info) < 0 ? -errno : S_ISDIR(info.st_mode) ? UV_EISDIR : 0;
	int64_t rest = info.st_size > position ? info.st_size - position : 0;
	size_t size = (size_t)(wanted < rest ? wanted : rest);
	uint8_t *data = host_alloc(size + 1);
	size_t length = 0;
	while (error == 0 && length < size) {
		ssize_t count = pread(fd, data + length, size - length, position + (int64_t)length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			error = -errno;
		if (count <= 0)
			break;
		length += (size_t)count;
	}
	close(fd);
	JSValue result = error < 0 ? host_throw(error) : host_new_bytes(data, length);
	free(data);
	return result;
}

/* Opens argv[0] with the permission bits argv[2] or the default; -1 with an exception pending. */
static int open_for_writing(JSValueConst path_value, JSValueConst mode_value, int flags)
{
	int32_t mode = DEFAULT_MODE;
	if (!JS_IsUndefined(mode_value) && JS_ToInt32(host.ctx, &mode, mode_value) < 0)
		return -1;
	const char *path = host_string(path_value);
	if (!path)
		return -1;
	int fd = open_file(path, O_WRONLY | O_CREAT | flags, (mode_t)mode);
	JS_FreeCString(host.ctx, path);
	if (fd < 0)
		throw_errno();
	return fd;
}

/* writeFile(path, bytes, mode | undefined) */
static JSValue files_write(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	uint8_t *data;
	uint32_t length;
	if (!engine_bytes(argv[1], &data, &length))
		return JS_ThrowTypeError(ctx, "not a Uint8Array");
	int fd = open_for_writing(argv[0], argv[2], O_TRUNC);
	if (fd < 0)
		return JS_EXCEPTION;
	int error = host_write_all(fd, data, length);
	if (close(fd) < 0 && error == 0)
		error = -errno;
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

/* The folder of a path, so that what was renamed in it is on the disk; that it cannot be is no failure. */
static void sync_folder(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash)
		slash[slash == path] = '\0';
	int fd = open_file(slash ? path : ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Writes beside `path`, and renames; 0 or a UV_ code. */
static int replace_file(const char *path, const uint8_t *data, size_t length, mode_t mode)
{
	static const char ending[] = ".XXXXXX";
	/* What a symbolic link leads to is replaced, not the link. */
	char *target = realpath(path, NULL);
	if (!target)
		target = strdup(path);
	CHECK(target);
	char *beside = host_alloc(strlen(target) + sizeof ending);
	strcpy(beside, target);
	strcat(beside, ending);
	struct stat old;
	bool exists = stat(target, &old) == 0;
	/* Nobody else gets more rights than that by what was there. */
	if (exists && !(old.st_mode & ~mode & 07))
		mode = old.st_mode & 07777;
	int fd = mkstemp(beside);
	int error = fd < 0 ? -errno : host_write_all(fd, data, length);
	if (fd >= 0) {
		/* Only root can give a file away; who may write to the folder may replace it all the same. */
		if (exists && fchown(fd, old.st_uid, old.st_gid) < 0 && errno != EPERM && error == 0)
			error = -errno;
		if (error == 0 && fchmod(fd, mode) < 0)
			error = -errno;
		if (error == 0 && fsync(fd) < 0)
			error = -errno;
		if (close(fd) < 0 && error == 0)
			error = -errno;
		if (error == 0 && rename(beside, target) < 0)
			error = -errno;
		if (error < 0)
			unlink(beside);
		else
			sync_folder(target);
	}
	free(beside);
	free(target);
	return error;
}

/* replaceFile(path, bytes, mode | undefined) */
static JSValue files_replace(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int32_t mode = 0600;
	const uint8_t *data;
	uint32_t length;
	if (!host_octets(argv[1], &data, &length))
		return JS_EXCEPTION;
	if (!JS_IsUndefined(argv[2]) && JS_ToInt32(ctx, &mode, argv[2]) < 0)
		return JS_EXCEPTION;
	const char *path = host_string(argv[0]);
	if (!path)
		return JS_EXCEPTION;
	int error = replace_file(path, data, length, (mode_t)mode);
	JS_FreeCString(ctx, path);
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

/* openAppend(path, mode | undefined): AppendFile */
static JSValue files_append(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int fd = open_for_writing(argv[0], argv[1], O_APPEND);
	if (fd < 0)
		return JS_EXCEPTION;
	JSValue object = JS_NewObjectClass(ctx, append_class);
	CHECK(!JS_IsException(object));
	append_file *file = host_alloc(sizeof *file);
	file->fd = fd;
	JS_SetOpaque(object, file);
	return object;
}

static JSValue append_write(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const append_file *file = JS_GetOpaque2(ctx, this_val, append_class);
	uint8_t *data;
	uint32_t length;
	if (!file)
		return JS_EXCEPTION;
	if (!engine_bytes(argv[0], &data, &length))
		return JS_ThrowTypeError(ctx, "not a Uint8Array");
	int error = file->fd < 0 ? UV_EBADF : host_write_all(file->fd, data, length);
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

static void append_end(append_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static JSValue append_close(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	append_file *file = JS_GetOpaque2(ctx, this_val, append_class);
	if (!file)
		return JS_EXCEPTION;
	append_end(file);
	return JS_UNDEFINED;
}

static void append_finalize(JSRuntime *rt, JSValue value)
{
	append_file *file = JS_GetOpaque(value, append_class);
	if (file) {
		append_end(file);
		free(file);
	}
}

static const char *kind_of(mode_t mode)
{
	return S_ISREG(mode)	? "file"
	       : S_ISDIR(mode)	? "directory"
	       : S_ISSOCK(mode) ? "socket"
	       : S_ISLNK(mode)	? "link"
				: "other";
}

/* fileInfo(path, follow): { kind, size, mode, owner, changed } | null */
static JSValue files_info(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	struct stat info;
	const char *path = host_string(argv[0]);
	if (!path)
		return JS_EXCEPTION;
	int result = (JS_ToBool(ctx, argv[1]) ? stat : lstat)(path, &info);
	JS_FreeCString(ctx, path);
	if (result < 0)
		return errno == ENOENT ? JS_NULL : throw_errno();
	JSValue object = JS_NewObject(ctx);
	JS_DefinePropertyValueStr(ctx, object, "kind", JS_NewString(ctx, kind_of(info.st_mode)), JS_PROP_C_W_E);
	JS_DefinePropertyValueStr(ctx, object, "size", JS_NewInt64(ctx, info.st_size), JS_PROP_C_W_E);
	JS_DefinePropertyValueStr(ctx, object, "mode", JS_NewInt32(ctx, info.st_mode & 07777), JS_PROP_C_W_E);
	JS_DefinePropertyValueStr(ctx, object, "owner", JS_NewUint32(ctx, info.st_uid), JS_PROP_C_W_E);
	double changed = (double)info.st_ctim.tv_sec * 1000 + (double)info.st_ctim.tv_nsec / 1000000;
	JS_DefinePropertyValueStr(ctx, object, "changed", JS_NewFloat64(ctx, changed), JS_PROP_C_W_E);
	return object;
}

/* listFolder(path): names in the system's order */
static JSValue files_list(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *path = host_string(argv[0]);
	if (!path)
		return JS_EXCEPTION;
	DIR *folder = opendir(path);
	JS_FreeCString(ctx, path);
	if (!folder)
		return throw_errno();
	JSValue names = JS_NewArray(ctx);
	uint32_t count = 0;
	const struct dirent *entry;
	while ((errno = 0, entry = readdir(folder))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			JS_SetPropertyUint32(ctx, names, count++, host_text(entry->d_name));
	}
	int error = -errno;
	closedir(folder);
	if (error < 0) {
		JS_FreeValue(ctx, names);
		return host_throw(error);
	}
	return names;
}

/* rename(from, to) */
static JSValue files_rename(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *from = host_string(argv[0]);
	const char *to = from ? host_string(argv[1]) : NULL;
	int result = to ? rename(from, to) : 0;
	bool given = to != NULL;
	int error = errno;
	JS_FreeCString(ctx, from);
	JS_FreeCString(ctx, to);
	if (!given)
		return JS_EXCEPTION;
	return result < 0 ? host_throw(-error) : JS_UNDEFINED;
}

/* remove(path) */
static JSValue files_remove(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *path = host_string(argv[0]);
	if (!path)
		return JS_EXCEPTION;
	int result = unlink(path);
	JS_FreeCString(ctx, path);
	return result < 0 ? throw_errno() : JS_UNDEFINED;
}

/* setOwner(path, user, group) */
static JSValue files_set_owner(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	bool has_group = !JS_IsNull(argv[2]);
	const char *path = host_string(argv[0]);
	const char *user_name = path ? host_string(argv[1]) : NULL;
	const char *group_name = user_name && has_group ? host_string(argv[2]) : NULL;
	int error = 0;
	bool given = user_name && (group_name || !has_group);
	if (given) {
		const struct passwd *user = getpwnam(user_name);
		const struct group *group = group_name ? getgrnam(group_name) : NULL;
		if (!user || (group_name && !group))
			error = UV_ENOENT;
		else if (lchown(path, user->pw_uid, group ? group->gr_gid : (gid_t)-1) < 0)
			error = -errno;
	}
	JS_FreeCString(ctx, path);
	JS_FreeCString(ctx, user_name);
	JS_FreeCString(ctx, group_name);
	if (!given)
		return JS_EXCEPTION;
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

static const JSClassDef append_def = { "AppendFile", .finalizer = append_finalize };

static const JSCFunctionListEntry methods[] = {
	JS_CFUNC_DEF("write", 1, append_write),
	JS_CFUNC_DEF("close", 0, append_close),
};

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("readFile", 2, files_read),    JS_CFUNC_DEF("writeFile", 3, files_write),
	JS_CFUNC_DEF("openAppend", 2, files_append), JS_CFUNC_DEF("fileInfo", 2, files_info),
	JS_CFUNC_DEF("listFolder", 1, files_list),  JS_CFUNC_DEF("rename", 2, files_rename),
	JS_CFUNC_DEF("remove", 1, files_remove),    JS_CFUNC_DEF("setOwner", 3, files_set_owner),
	JS_CFUNC_DEF("replaceFile", 3, files_replace), JS_CFUNC_DEF("readPart", 3, files_read_part),
};

static void start(void)
{
	host_class(&append_class, &append_def, methods, COUNT(methods));
}

const host_module files_module = { functions, COUNT(functions), start, NULL, NULL };
