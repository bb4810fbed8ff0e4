/* httpd FOLDER [CUT|norange]: a web server for weights.bats, one request at a time, on a free port of
 * 127.0.0.1. Prints the port, then a line for each answer: its status, the file, the first byte sent. With a
 * number CUT the first answer that is longer ends after so many bytes, like a line that breaks; with norange
 * it knows no Range, as some do. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The head of a request, NUL-terminated; false when none came. */
static bool read_head(int fd, char *out, size_t room)
{
	size_t n = 0;
	ssize_t did;
	while (n + 1 < room && (did = read(fd, out + n, room - 1 - n)) > 0) {
		out[n += (size_t)did] = 0;
		if (strstr(out, "\r\n\r\n"))
			return true;
	}
	return false;
}

static bool send_all(int fd, const char *s, size_t n)
{
	ssize_t did;
	for (; n; s += did, n -= (size_t)did)
		if ((did = write(fd, s, n)) <= 0)
			return false;
	return true;
}

/* Answers one request; *cut becomes 0 once an answer was cut. */
static void answer(int fd, const char *folder, bool ranges, size_t *cut)
{
	char request[4096], name[1024], path[2048], line[256], *range;
	static char body[1 << 20];
	size_t size, from = 0, n;
	if (!read_head(fd, request, sizeof request) || sscanf(request, "GET %1023s ", name) != 1)
		return;
	snprintf(path, sizeof path, "%s%s", folder, name);
	FILE *f = strstr(name, "..") ? NULL : fopen(path, "rb");
	size = f ? fread(body, 1, sizeof body, f) : 0;
	if (ranges && (range = strstr(request, "\r\nRange: bytes=")))
		from = strtoul(range + 15, NULL, 10);
	int status = !f ? 404 : from && from >= size ? 416 : from ? 206 : 200;
	n = status < 400 ? size - from : 0;
	int len = snprintf(line, sizeof line, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n",
			   status, n);
	if (status == 206)
		len += snprintf(line + len, sizeof line - (size_t)len, "Content-Range: bytes %zu-%zu/%zu\r\n",
				from, size - 1, size);
	len += snprintf(line + len, sizeof line - (size_t)len, "\r\n");
	if (*cut && n > *cut) {
		n = *cut;
		*cut = 0;
	}
	if (send_all(fd, line, (size_t)len))
		send_all(fd, body + from * (n > 0), n);
	printf("%d %s %zu\n", status, name, from);
	fflush(stdout);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int one, listener = socket(AF_INET, SOCK_STREAM, 0);
	bool ranges = argc < 3 || strcmp(argv[2], "norange") != 0;
	size_t cut = argc < 3 ? 0 : strtoul(argv[2], NULL, 10);
	signal(SIGPIPE, SIG_IGN);
	alarm(120); /* nobody needs it longer */
	if (argc < 2 || listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) ||
	    listen(listener, 8) || getsockname(listener, (struct sockaddr *)&at, &len)) {
		perror("httpd");
		return 1;
	}
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	while ((one = accept(listener, NULL, NULL)) >= 0) {
		answer(one, argv[1], ranges, &cut);
		close(one);
	}
	return 1;
}
