/* terminal COMMAND...: runs a command whose standard input, output and error are a terminal of its own, which
 * nobody types into, and prints what it says there. Ends as the command does, or with 124 after ten seconds.
 */
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[4096];
	int fd, status;
	ssize_t n;
	if (argc < 2)
		return 2;
	pid_t child = forkpty(&fd, NULL, NULL, NULL);
	if (child < 0)
		return 125;
	if (!child) {
		alarm(10);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	while ((n = read(fd, text, sizeof text)) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	if (waitpid(child, &status, 0) != child)
		return 125;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGALRM ? 124 : 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}
