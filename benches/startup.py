"""Cold start and resident memory of the release binary with the built-in models.

    cargo build --release
    python3 benches/startup.py

Cold start: from exec to the first candidates of `generate -n 16`, five times. Memory: `run --now` in an empty folder; resident
memory after its first round (VmRSS) and at its height (VmHWM).
"""
import os, pathlib, re, shutil, subprocess, tempfile, time

root = pathlib.Path(__file__).resolve().parent.parent
binary = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "release" / "pregonero"

def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {key: int(re.search(rf"{key}:\s+(\d+)", text)[1]) / 1024 for key in ("VmRSS", "VmHWM")}

with tempfile.TemporaryDirectory() as folder:
    shutil.copy(root / "config.toml", folder)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([binary, "generate", "--prompt", "La vacuna", "-n", "16", "--json"], cwd=folder, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    daemon = subprocess.Popen([binary, "run", "--now"], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        waits = 0
        for line in daemon.stderr:  # it waits for a slot twice: before the first round and after it
            waits += "waiting for the next slot" in line
            if waits == 2:
                break
        memory = status(daemon.pid)
    finally:
        daemon.terminate()
        daemon.wait()
    print("| what | measured |\n|---|---|")
    print(f"| `generate -n 16`, from start to exit | {min(seconds):.2f} s to {max(seconds):.2f} s |")
    print(f"| daemon after its first round, resident | {memory['VmRSS']:.0f} MiB |")
    print(f"| daemon at its height | {memory['VmHWM']:.0f} MiB |")
