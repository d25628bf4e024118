"""Packs the app: shrunk by R8, aligned, signed with a key of this machine's, and read back."""

import re
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import pins
from build import Built
from libraries import All
from pins import ANDROID, BUILD, CACHE
from resources import Failed, resources, run
from stamp import files

TOOLS = ANDROID / "tools"
OUT = BUILD / "apk"
# Processors of phones, and of emulators: the folder's name, and what an ELF file says.
PROCESSORS = {"arm64-v8a": 183, "armeabi-v7a": 40, "x86_64": 62}
PAGE = 16384

# What Gradle's plugin says for every app.
COMMON = """
-keepattributes AnnotationDefault,RuntimeVisible*Annotations,Signature,InnerClasses,EnclosingMethod,LineNumberTable,SourceFile
-renamesourcefileattribute SourceFile
-keepclasseswithmembernames,includedescriptorclasses class * { native <methods>; }
-keepclassmembers enum * { public static **[] values(); public static ** valueOf(java.lang.String); }
-keepclassmembers class * implements android.os.Parcelable { public static final ** CREATOR; }
-keepclassmembers class **.R$* { public static <fields>; }
# What makers of foldables bring, and the part of Java that Android has not.
-dontwarn androidx.window.extensions.**
-dontwarn androidx.window.sidecar.**
"""


def pack(fetched: All, built: Built, natives: Path | None) -> Path:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    linked = resources(fetched, "app", fetched.app.folders)
    code = _shrunk(fetched, built, linked.classes, linked.rules)
    libraries = _libraries(fetched, natives)
    unsigned, signed = OUT / "unsigned.apk", OUT / "pli.apk"
    _zip(unsigned, linked.packed, code, libraries)
    _sign(fetched, unsigned, signed)
    unsigned.unlink()
    _look(fetched, signed, libraries)
    return signed


def _shrunk(fetched: All, built: Built, r_classes: Path, rules: Path) -> Path:
    """One archive of dex files, and of what services of Java's need beside them."""
    own = []
    for name, folder in {"main": built.app, "core": built.core}.items():
        own.append(OUT / f"{name}.jar")
        run("jar", "--create", "--file", own[-1], "--no-compress", "-C", folder, ".")
    common = OUT / "common.pro"
    common.write_text(COMMON)
    given = [folder / "proguard.txt" for folder in fetched.app.folders if (folder / "proguard.txt").exists()]
    out = OUT / "code.zip"
    command = ["java", "-Xmx2g", "-XX:+UseSerialGC", "-cp", fetched.r8, "com.android.tools.r8.R8", "--release"]
    command += ["--min-api", pins.VERSIONS["minSdk"], "--lib", fetched.framework, "--lib", _java(), "--output", out, "--pg-map-output", OUT / "mapping.txt"]
    for rule in (common, rules, ANDROID / "app" / "keep.pro", *given):
        command += ["--pg-conf", rule]
    run(*command, *own, r_classes, *fetched.app.classpath)
    return out


def _java() -> Path:
    """Its classes are those of Android, as far as R8 asks."""
    return Path(shutil.which("java")).resolve().parent.parent


def _libraries(fetched: All, natives: Path | None) -> dict[str, Path]:
    """JNA's, which its archive has, and the core's, of the processors that the given folder has."""
    found = {}
    for processor in PROCESSORS if natives is None else [p for p in PROCESSORS if (natives / p / "libpli.so").exists()]:
        if natives:
            found[f"lib/{processor}/libpli.so"] = natives / processor / "libpli.so"
        for folder in fetched.app.folders:
            for library in sorted((folder / "jni" / processor).glob("*.so")):
                found[f"lib/{processor}/{library.name}"] = library
    if natives and not found:
        raise Failed(f"{natives} has no {' or '.join(f'{p}/libpli.so' for p in PROCESSORS)}")
    for name, path in found.items():
        if wrong := _elf(path.read_bytes(), PROCESSORS[name.split("/")[1]]):
            raise Failed(f"{path}: {wrong}")
    return found


def _elf(data: bytes, machine: int) -> str | None:
    """What is wrong with a library: of another processor, or not fit for pages of 16 KiB."""
    if data[:4] != b"\x7fELF" or struct.unpack_from("<H", data, 18)[0] != machine:
        return "not a library of that processor"
    if data[4] != 2:
        return None  # 32 bits: no phone with large pages runs them.
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for place in range(start, start + size * count, size):
        if struct.unpack_from("<I", data, place)[0] == 1 and struct.unpack_from("<Q", data, place + 48)[0] < PAGE:
            return "not aligned to pages of 16 KiB"
    return None


def _zip(out: Path, packed: Path, code: Path, libraries: dict[str, Path]) -> None:
    entries = []
    with zipfile.ZipFile(packed) as opened:
        for info in opened.infolist():
            entries.append((info.filename, opened.read(info), info.compress_type))
    with zipfile.ZipFile(code) as opened:
        for name in opened.namelist():
            if name.endswith(".dex") or name.startswith("META-INF/services/"):
                entries.append((name, opened.read(name), zipfile.ZIP_DEFLATED))
    entries += [(name, path.read_bytes(), zipfile.ZIP_STORED) for name, path in libraries.items()]
    with open(out, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, data, how in sorted(entries):
            info = zipfile.ZipInfo(name, (1981, 1, 1, 1, 1, 2))
            info.compress_type = zipfile.ZIP_STORED if name == "resources.arsc" else how
            if info.compress_type == zipfile.ZIP_STORED:
                alignment = PAGE if name.endswith(".so") else 4
                begins = file.tell() + 30 + len(name.encode()) + 6
                info.extra = struct.pack("<HHH", 0xD935, 2 + -begins % alignment, alignment) + bytes(-begins % alignment)
            archive.writestr(info, data)


def _sign(fetched: All, unsigned: Path, signed: Path) -> None:
    keys = CACHE / "debug.p12"
    if not keys.exists():
        run(
            "keytool", "-genkeypair", "-keystore", keys, "-storetype", "PKCS12", "-storepass", "android", "-alias", "debug",
            "-dname", "CN=debug", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "10000",
        )
    run("java", "-cp", fetched.apksig, TOOLS / "Sign.java", keys, "android", unsigned, signed, pins.VERSIONS["minSdk"])


def _look(fetched: All, apk: Path, libraries: dict[str, Path]) -> None:
    """What Android would read of it."""
    said = subprocess.run([fetched.aapt2, "dump", "badging", apk], capture_output=True, text=True).stdout
    wanted = [
        f"package: name='{pins.PACKAGE}' versionCode='{pins.VERSIONS['versionCode']}' versionName='{pins.VERSIONS['versionName']}'",
        f"minSdkVersion:'{pins.VERSIONS['minSdk']}'", f"targetSdkVersion:'{pins.VERSIONS['targetSdk']}'",
        f"launchable-activity: name='{pins.PACKAGE}.MainActivity'", "locales: '--_--' 'fr'",
    ]
    missing = [one for one in wanted if one not in said]
    if "application-debuggable" in said:
        missing.append("a release: it can be debugged")
    if missing:
        raise Failed(f"the APK lacks {'; '.join(missing)}:\n{said}")
    declared = set(re.findall(r"L([\w/$]+);", _names(fetched, apk)))
    with zipfile.ZipFile(apk) as opened, open(apk, "rb") as raw:
        names = {info.filename: info for info in opened.infolist()}
        for name in ("classes.dex", "AndroidManifest.xml", "resources.arsc", "assets/licences.json", *libraries):
            if name not in names:
                raise Failed(f"the APK lacks {name}")
        for name, info in names.items():
            if info.compress_type == zipfile.ZIP_STORED:
                raw.seek(info.header_offset + 26)
                lengths = struct.unpack("<HH", raw.read(4))
                if (info.header_offset + 30 + sum(lengths)) % (PAGE if name.endswith(".so") else 4):
                    raise Failed(f"the APK does not align {name}")
        dex = b"".join(opened.read(name) for name in names if name.endswith(".dex"))
    for name in declared:
        if f"L{name};".encode() not in dex:
            raise Failed(f"the manifest names {name}, which R8 took away")


def _names(fetched: All, apk: Path) -> str:
    """The classes that the manifest names, as code names them."""
    tree = subprocess.run([fetched.aapt2, "dump", "xmltree", apk, "--file", "AndroidManifest.xml"], capture_output=True, text=True).stdout
    parts = re.findall(r"E: (?:application|activity|service|receiver|provider) .*\n((?:\s+A: .*\n)*)", tree)
    names = [found.group(1) for part in parts if (found := re.search(r'android:name\(0x\w+\)="([^"]+)"', part))]
    whole = [pins.PACKAGE + name if name.startswith(".") else name for name in names]
    return " ".join(f"L{name.replace('.', '/')};" for name in whole)
