"""Units, rules and their installation, judged by systemd's own tools where they can."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cloud_ingest.settings import CloudSettings
from edge.settings import load_gateway_settings
from hardware import text_of
from hardware.commands import main
from hardware.install import TARGETS, boot_lines, install, pi_generation, with_block, without_serial_console
from hardware.wiring import load_wiring
from smokesentry.settings import load_settings

PACKAGE = Path(__file__).parents[2] / "hardware"
UNITS = sorted(path.name for path in (PACKAGE / "systemd").glob("*.service"))
COMMAND = "/opt/smokesentry/bin/smokesentry"
PI4, PI5 = "Raspberry Pi 4 Model B Rev 1.5\0", "Raspberry Pi 5 Model B Rev 1.0\0"


def _analyze(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # The units found below `folder` and this system's own targets; nothing of ours that may be installed here.
    environment = {"PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{folder}:/lib/systemd/system", "LC_ALL": "C"}
    words = ("systemd-analyze", *words)
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with the command swapped for one that exists here: verify wants to see the program."""
    for name in UNITS:
        (tmp_path / name).write_text(text_of(f"systemd/{name}").replace(COMMAND, "/bin/true"))
    return tmp_path


@pytest.mark.systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_fault_in_a_unit(units: Path, unit: str) -> None:
    good = _analyze("verify", "--man=no", f"./{unit}", folder=units)
    assert (good.returncode, good.stdout + good.stderr) == (0, "")
    (units / unit).write_text((units / unit).read_text().replace("NoNewPrivileges", "NoNewPrivilege"))
    bad = _analyze("verify", "--man=no", f"./{unit}", folder=units)
    assert "Unknown key" in bad.stderr  # or the assertion above proves nothing


@pytest.mark.systemd
@pytest.mark.parametrize(
    ("unit", "limit"),
    [
        ("smokesentry-gateway.service", 25),
        ("smokesentry-ingest.service", 15),
        ("smokesentry-evidence.service", 15),
        ("smokesentry-influx.service", 15),
        ("smokesentry-console.service", 15),
    ],
)
def test_a_units_exposure_stays_low(units: Path, unit: str, limit: int) -> None:
    """Tenths on systemd's scale to 10. The gateway's devices and its question for the clock's state cost one point."""
    judged = _analyze("security", "--offline=yes", f"--threshold={limit}", "--no-pager", f"./{unit}", folder=units)
    assert judged.returncode == 0, judged.stdout[-300:]


def _settings(unit: str) -> dict[str, list[str]]:
    found = dict[str, list[str]]()
    for line in text_of(f"systemd/{unit}").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.systemd
def test_the_gateway_may_ask_for_the_state_of_the_clock(tmp_path: Path) -> None:
    """Seen with strace: libc's adjtimex is the system call clock_adjtime. Forbidden, every clock would look unset."""
    listing = _analyze("syscall-filter", "--no-pager", folder=tmp_path).stdout
    groups = {
        block.split("\n", 1)[0]: {line.strip() for line in block.splitlines()[1:] if not line.strip().startswith("#")}
        for block in listing.split("\n\n")
    }

    def expand(name: str) -> set[str]:
        return set[str]().union(*map(expand, groups[name])) if name.startswith("@") else {name}

    allowed = set[str]()
    for value in _settings("smokesentry-gateway.service")["SystemCallFilter"]:
        named = set[str]().union(*map(expand, value.removeprefix("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    assert {"adjtimex", "clock_adjtime", "openat", "ioctl", "sched_getaffinity"} <= allowed
    assert not {"clock_settime", "mount", "init_module", "reboot", "chown"} & allowed
    assert "ProtectClock" not in _settings("smokesentry-gateway.service")


def test_the_gateway_reaches_serial_lines_cameras_and_the_watchdog_and_no_other_device() -> None:
    settings = _settings("smokesentry-gateway.service")
    assert "PrivateDevices" not in settings
    assert settings["DevicePolicy"] == ["closed"]
    kinds = {value.split()[0] for value in settings["DeviceAllow"]}
    lines = {"char-ttyAMA", "char-ttyS", "char-ttyUSB", "char-ttyACM"}
    assert kinds == lines | {"char-video4linux", "char-media", "char-dma_heap", "/dev/watchdog"}
    assert settings["SupplementaryGroups"] == ["dialout video"]


def test_the_gateway_writes_nothing_but_its_own_folder() -> None:
    """So what a person draws or orders at it must live there; tests/edge/gateway/test_drawn.py runs one like that."""
    settings = _settings("smokesentry-gateway.service")
    assert settings["ProtectSystem"] == ["strict"]
    assert settings["StateDirectory"] == ["smokesentry"]
    assert not {"ReadWritePaths", "ConfigurationDirectory", "BindPaths"} & settings.keys()


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_starts_a_command_that_exists(unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = _settings(unit)["ExecStart"][0].split()
    assert words[0] == COMMAND
    from smokesentry.cli import main as smokesentry

    with pytest.raises(SystemExit) as ended:
        smokesentry([*words[1:3], "--help"])
    assert ended.value.code == 0
    assert words[3] in capsys.readouterr().out  # --config


# -- udev: `udevadm verify` came with systemd 254; before that, this small parser is the judge -------------------------

_TOKEN = re.compile(r'([A-Z_]+)(?:\{([A-Za-z_]+)\})?(==|!=|\+=|=)"([^"]*)"')
_MATCHES = {"SUBSYSTEM", "SUBSYSTEMS", "KERNELS", "ATTR"}
_ASSIGNMENTS = {"SYMLINK": "+=", "GROUP": "=", "MODE": "="}


def _parse_rules(text: str) -> list[list[tuple[str, str, str, str]]]:
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        tokens = [_TOKEN.fullmatch(part) for part in re.split(r",\s+", line)]
        rule = []
        for token in tokens:
            assert token is not None, f"line {number}: {line}"
            key, attribute, operator, value = token.group(1), token.group(2) or "", token.group(3), token.group(4)
            assert value, f"line {number}: {key} is empty"
            if key == "ENV":
                assert attribute, f"line {number}"
            elif key in _MATCHES:
                assert operator == "==", f"line {number}: {key}{operator}"
                assert (key == "ATTR") == bool(attribute), f"line {number}"
            else:
                assert operator == _ASSIGNMENTS[key], f"line {number}: {key}{operator}"
            rule.append((key, attribute, operator, value))
        rules.append(rule)
    return rules


def test_the_rules_are_well_formed() -> None:
    rules = _parse_rules(text_of("udev/60-smokesentry.rules"))
    assert len(rules) == 15
    for rule in rules:
        assert rule[0][0] == "SUBSYSTEM"
        assert any(operator != "==" for _, _, operator, _ in rule), "a rule that does nothing"
    if (udevadm := shutil.which("udevadm")) and "verify" in _help_of(udevadm):
        subprocess.run([udevadm, "verify", str(PACKAGE / "udev" / "60-smokesentry.rules")], check=True)


def _help_of(program: str) -> str:
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    "line", ['KERNELS="x", SYMLINK+="y"', 'SUBSYSTEM=="tty" SYMLINK+="y"', 'SYMLINK="y"', "SUBSYSTEM==tty", 'MODE==""']
)
def test_the_parser_refuses_what_udev_would_misread(line: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        _parse_rules(line)


def test_every_port_of_the_wiring_table_gets_its_name_on_either_pi() -> None:
    wiring = load_wiring()
    names = dict[str, set[str]]()
    for rule in _parse_rules(text_of("udev/60-smokesentry.rules")):
        kernel = next((value for key, _, _, value in rule if key == "KERNELS"), None)
        link = next((value for key, _, _, value in rule if key == "SYMLINK"), None)
        if kernel and link:
            names.setdefault(link, set()).add(kernel)
    for cable in wiring.cables:
        if cable.port is None:
            continue
        link = cable.port.removeprefix("/dev/")
        if cable.build == "uart":
            assert cable.bus is not None
            bus = wiring.buses[cable.bus]
            assert names[link] == {bus.pi4["address"], bus.pi5["address"]}
        else:
            assert len(names[link]) == 2  # a socket of a Pi 4 and one of a Pi 5
    kernels = [kernel for found in names.values() for kernel in found]
    assert len(kernels) == len(set(kernels)), "one place, two names"


# -- installing ----------------------------------------------------------------------------------------------------


def _raspberry(root: Path, model: str) -> Path:
    (root / "proc/device-tree").mkdir(parents=True)
    (root / "proc/device-tree/model").write_text(model)
    boot = root / "boot/firmware"
    boot.mkdir(parents=True)
    (boot / "config.txt").write_text("camera_auto_detect=1\n\n[cm4]\notg_mode=1\n")
    (boot / "cmdline.txt").write_text("console=serial0,115200 console=tty1 root=PARTUUID=1-02 rootwait\n")
    return boot


@pytest.mark.parametrize(
    ("model", "overlays"),
    [(PI4, ["disable-bt", "uart3", "i2c-rtc,ds3231"]), (PI5, ["uart0-pi5", "uart2-pi5"])],
)
def test_a_gateway_is_installed_once_and_the_second_time_nothing_changes(
    tmp_path: Path, model: str, overlays: list[str]
) -> None:
    boot = _raspberry(tmp_path, model)
    assert len(install("gateway", tmp_path)) == len(TARGETS["gateway"]) + 2
    config = (boot / "config.txt").read_text()
    assert config.startswith("camera_auto_detect=1\n\n[cm4]\notg_mode=1\n")
    block = config.partition("# smokesentry begin\n[all]\n")[2].splitlines()
    assert [line.removeprefix("dtoverlay=") for line in block if line.startswith("dtoverlay")] == overlays
    assert (boot / "cmdline.txt").read_text() == "console=tty1 root=PARTUUID=1-02 rootwait\n"
    for source, target in TARGETS["gateway"].items():
        assert (tmp_path / target).read_text() == text_of(source)
    assert install("gateway", tmp_path) == []
    assert not list(tmp_path.rglob("*.new"))


def test_a_changed_file_is_brought_back_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "cloud", "--root", str(tmp_path)]) == 0
    unit = tmp_path / "etc/systemd/system/smokesentry-ingest.service"
    unit.write_text("edited")
    capsys.readouterr()
    assert main(["install", "cloud", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{unit}: written\n"
    assert main(["install", "cloud", "--root", str(tmp_path)]) == 0
    assert "everything was in place" in capsys.readouterr().out


def test_another_machines_boot_is_left_alone(tmp_path: Path) -> None:
    boot = _raspberry(tmp_path, "Some Other Board\0")
    before = (boot / "config.txt").read_text()
    assert any("left alone" in change for change in install("gateway", tmp_path))
    assert (boot / "config.txt").read_text() == before


@pytest.mark.parametrize("text", ["", "a=1", "a=1\n", "\n\n", "# smokesentry begin\nold\n# smokesentry end\nlater=1\n"])
def test_the_boot_block_is_replaced_and_never_piles_up(text: str) -> None:
    once = with_block(text, ["x=1"])
    assert with_block(once, ["x=1"]) == once
    assert with_block(with_block(once, ["y=2"]), ["x=1"]) == once
    assert once.count("# smokesentry begin") == 1
    assert "old" not in once
    assert ("later=1" in text) == ("later=1" in once)


def test_small_facts_of_the_boot_settings() -> None:
    assert [pi_generation(m.rstrip("\0")) for m in (PI4, PI5, "Raspberry Pi 3", "x")] == ["pi4", "pi5", None, None]
    assert boot_lines("pi4", load_wiring())[:2] == ["enable_uart=1", "dtparam=i2c_arm=on"]
    assert without_serial_console("console=ttyAMA0,115200 quiet") == "quiet\n"


def test_the_install_script_is_sound_shell(tmp_path: Path) -> None:
    script = PACKAGE / "provisioning" / "install.sh"
    subprocess.run(["sh", "-n", script], check=True)
    if (shellcheck := shutil.which("shellcheck")) is not None:
        subprocess.run([shellcheck, script], check=True)
    wheel = tmp_path / "x.whl"
    for words, complaint in (
        ([], "give a role"),
        (["roof", wheel], "gateway or cloud"),
        (["cloud", "no"], "no such file"),
    ):
        said = subprocess.run(["sh", script, *words], capture_output=True, text=True, check=False)
        assert said.returncode == 1
        assert complaint in said.stderr


def _documented(name: str, folder: Path) -> Path:
    """An example out of docs/hardware.md, as a file."""
    page = (PACKAGE.parent / "docs" / "hardware.md").read_text(encoding="utf-8")
    (example,) = re.findall(rf"```toml\n(# /etc/smokesentry/{name}\n.*?)```", page, re.DOTALL)
    (folder / name).write_text(example, encoding="utf-8")
    return folder / name


def test_the_documented_gateway_configuration_is_one_that_a_gateway_takes(tmp_path: Path) -> None:
    settings = load_gateway_settings(_documented("gateway.toml", tmp_path))
    wired = {c.name: (c.model, c.port) for c in load_wiring().cables if c.build == "uart" and c.port is not None}
    assert {sensor.name: (sensor.model, sensor.port) for sensor in settings.sensors} == wired
    state = _settings("smokesentry-gateway.service")["StateDirectory"][0]
    assert str(settings.gateway.folder) == f"/var/lib/{state}"


def test_the_documented_cloud_configuration_is_one_that_the_cloud_takes(tmp_path: Path) -> None:
    settings = load_settings(_documented("cloud.toml", tmp_path), CloudSettings)
    for unit in ("smokesentry-ingest.service", "smokesentry-console.service"):
        assert f"/var/lib/{_settings(unit)['StateDirectory'][0]}" in str(settings.cloud.folder)
