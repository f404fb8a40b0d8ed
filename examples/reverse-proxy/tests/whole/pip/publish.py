"""Publishes two small packages on a new devpi server: python publish.py URL PASSWORD"""

import base64
import hashlib
import io
import json
import sys
import urllib.request
import zipfile

URL, PASSWORD = sys.argv[1:]


def send(method, path, body, kind, fields):
    fields = {"Content-Type": kind, "Accept": "application/json", **fields}
    with urllib.request.urlopen(urllib.request.Request(URL + path, body, fields, method=method)) as answer:
        return json.loads(answer.read())


def log_in():
    login = json.dumps({"user": "root", "password": PASSWORD}).encode()
    secret = send("POST", "/+login", login, "application/json", {})["result"]["password"]
    return base64.b64encode(f"root:{secret}".encode()).decode()


def wheel(name, version, requires, payload):
    folder = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {other}\n" for other in requires)
    files = {
        f"{name}/__init__.py": b"",
        f"{name}/data.bin": payload,
        f"{folder}/METADATA": metadata.encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{folder}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{folder}/RECORD"]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()


def upload(auth, name, version, content):
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": name,
        "version": version,
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
    }
    body = b""
    for key, value in fields.items():
        body += f'--part\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
    file = f"{name}-{version}-py3-none-any.whl"
    body += f'--part\r\nContent-Disposition: form-data; name="content"; filename="{file}"\r\n'.encode()
    body += b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--part--\r\n"
    request = urllib.request.Request(
        URL + "/root/test/",
        body,
        {"Content-Type": "multipart/form-data; boundary=part", "Authorization": "Basic " + auth},
    )
    urllib.request.urlopen(request).close()


auth = log_in()
index = json.dumps({"type": "stage", "bases": [], "volatile": False}).encode()
send("PUT", "/root/test", index, "application/json", {"X-Devpi-Auth": auth})
upload(auth, "larder_leaf", "1.0", wheel("larder_leaf", "1.0", [], bytes(range(256)) * 1000))
upload(auth, "larder_root", "2.0", wheel("larder_root", "2.0", ["larder-leaf"], b"root"))
