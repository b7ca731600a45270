"""Writes a C file that holds other files: embed.py OUT [NAME=TYPE FILE]..."""
import sys


def literal(data: bytes) -> str:
    lines = []
    for at in range(0, len(data), 24):
        lines.append("    " + "".join(f"{byte}," for byte in data[at:at + 24]))
    return "\n".join(lines)


def main() -> None:
    out = sys.argv[1]
    assets = [(*head.split("=", 1), file) for head, file in zip(sys.argv[2::2], sys.argv[3::2])]
    with open(out, "w", encoding="ascii") as c:
        c.write('#include "view/web_assets.h"\n\n#include <string.h>\n\n')
        for number, (_, _, file) in enumerate(assets):
            with open(file, "rb") as source:
                data = source.read()
            c.write(f"static const unsigned char bytes_{number}[] = {{\n{literal(data)}\n}};\n\n")
        c.write("static const struct web_asset assets[] = {\n")
        for number, (name, kind, _) in enumerate(assets):
            c.write(f'    {{"{name}", "{kind}", (const char *)bytes_{number}, '
                    f"sizeof(bytes_{number})}},\n")
        c.write("};\n\nconst struct web_asset *web_asset_find(const char *path)\n{\n"
                "    for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {\n"
                "        if (strcmp(assets[i].path, path) == 0) {\n"
                "            return &assets[i];\n        }\n    }\n    return NULL;\n}\n")


if __name__ == "__main__":
    main()
