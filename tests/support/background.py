"""What a test does beside its main thread."""

import threading


class Background(threading.Thread):
    """Runs step() until it is told to end; a failure is raised by end()."""

    def __init__(self, step):
        super().__init__()
        self.step, self.failure, self.ending = step, None, threading.Event()
        self.start()

    def run(self):
        try:
            while not self.ending.is_set():
                self.step()
        except Exception as failure:  # raised where the thread is waited for
            self.failure = failure

    def end(self):
        self.ending.set()
        self.join()
        if self.failure:
            raise self.failure
