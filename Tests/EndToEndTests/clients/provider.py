"""Canaille, a real OpenID Connect provider, with three users and two clients, on loopback.

Prints one line of JSON when it listens: {"url": ISSUER}. Canaille has no device grant of its own; its library's
grant (Authlib, RFC 8628) is registered beside its other grants. Tests have no browser: a request for
ISSUER/device/approve?user_code=…&user=… signs in as that user.
"""

import json
import logging
import secrets
import threading
import time

from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc.provider import authorization
from flask import jsonify, request
from werkzeug.serving import make_server

HOST = "127.0.0.1"
PASSWORD = "correct horse battery staple"
# The subjects that the acceptance suite needs: without a role, with one role, and with all rights.
GROUPS = {"basic": [], "specific": ["model:specific"], "admin": ["admin"]}


class Devices:
    """The pending device authorisations, and the users' decisions."""

    def __init__(self):
        self.credentials = {}
        self.users = {}

    def endpoint(self, issuer):
        devices = self

        class Endpoint(DeviceAuthorizationEndpoint):
            CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]
            INTERVAL = 1

            def get_verification_uri(self):
                return f"{issuer}/device"

            def save_device_credential(self, client_id, scope, data):
                expires_at = time.time() + data["expires_in"]
                devices.credentials[data["device_code"]] = DeviceCredentialDict(
                    client_id=client_id, scope=scope, expires_at=expires_at, **data)

        return Endpoint

    def grant(self):
        devices = self

        class Grant(DeviceCodeGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]

            def query_device_credential(self, device_code):
                return devices.credentials.get(device_code)

            def query_user_grant(self, user_code):
                name = devices.users.get(user_code)
                return (Backend.instance.get(models.User, user_name=name), True) if name else None

            def should_slow_down(self, credential):
                return False

        return Grant


def add_device_grant(app, issuer):
    devices = Devices()
    authorization.register_grant(devices.grant())
    authorization.register_endpoint(devices.endpoint(issuer))

    def begin():
        return authorization.create_endpoint_response("device_authorization")

    def approve():
        devices.users[request.args["user_code"]] = request.args["user"]
        return "signed in"

    def with_device_endpoint(response):
        if request.path == "/.well-known/openid-configuration":
            document = response.get_json()
            document["device_authorization_endpoint"] = f"{issuer}/device/begin"
            response = jsonify(document)
        return response

    app.extensions["csrf"].exempt(begin)
    app.add_url_rule("/device/begin", view_func=begin, methods=["POST"])
    app.add_url_rule("/device/approve", view_func=approve)
    app.after_request(with_device_endpoint)


def add_people_and_clients(app):
    with app.app_context(), Backend.instance.session():
        people = {}
        for name in GROUPS:
            people[name] = models.User(user_name=name, formatted_name=name, family_name=name,
                                       emails=[f"{name}@example.org"], password=PASSWORD)
            Backend.instance.save(people[name])
        for group in sorted({group for groups in GROUPS.values() for group in groups}):
            members = [people[name] for name, groups in GROUPS.items() if group in groups]
            Backend.instance.save(models.Group(display_name=group, members=members))
        for name, method in [("simpleai", "client_secret_basic"), ("simpleai-post", "client_secret_post")]:
            client = models.Client(
                client_id=name, client_name=name, client_secret=f"the secret of {name}: 50% + more",
                scope=["openid", "profile", "groups"], client_uri="https://simpleai.example.org", redirect_uris=["https://simpleai.example.org/"],
                token_endpoint_auth_method=method, response_types=["code"],
                grant_types=["client_credentials", "password", DeviceCodeGrant.GRANT_TYPE])
            Backend.instance.save(client)
            client.audience = [client]
            Backend.instance.save(client)


def main():
    logging.disable(logging.CRITICAL)
    # The port must be known before the provider is created, because the provider's name contains it.
    server = make_server(HOST, 0, lambda environ, start: app(environ, start), threaded=True)
    issuer = f"http://{HOST}:{server.server_port}"
    app = create_app({
        "SECRET_KEY": secrets.token_hex(16), "SERVER_NAME": f"{HOST}:{server.server_port}",
        "PREFERRED_URL_SCHEME": "http", "CANAILLE": {"DATABASE": "memory"}, "CANAILLE_OIDC": {},
    })
    add_device_grant(app, issuer)
    add_people_and_clients(app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": issuer}), flush=True)
    threading.Event().wait()


main()
