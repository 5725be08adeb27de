"""What mistral-common makes of a conversation, as pieces: control tokens and the texts between them. Its own tokenizers are
replaced by one that remembers what it was asked to encode, so that every version can be compared without a vocabulary."""
import json
import warnings

from mistral_common.exceptions import (InvalidAssistantMessageException, InvalidFunctionCallException,
                                       InvalidMessageStructureException, InvalidRequestException,
                                       InvalidSystemPromptException, InvalidToolException, InvalidToolMessageException,
                                       InvalidToolSchemaException, TokenizerException,
                                       UnsupportedTokenizerFeatureException)
from mistral_common.protocol.instruct.normalize import get_normalizer
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers import instruct
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.model_settings_builder import ModelSettingsBuilder
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

warnings.simplefilter("ignore")

VERSIONS = ("v1", "v2", "v3", "v7", "v11", "v13", "v15")
KINDS = {
    InvalidRequestException: "request",
    InvalidMessageStructureException: "structure",
    InvalidSystemPromptException: "system_prompt",
    InvalidAssistantMessageException: "assistant_message",
    InvalidToolMessageException: "tool_message",
    InvalidFunctionCallException: "function_call",
    InvalidToolException: "tool",
    InvalidToolSchemaException: "tool_schema",
    TokenizerException: "not_encodable",
    UnsupportedTokenizerFeatureException: "not_encodable",
}


class Recorder(Tekkenizer):
    """Ids are the places of the pieces in a list."""

    bos_id, eos_id = property(lambda self: self.piece("control", "<s>")), property(lambda self: self.piece("control", "</s>"))
    version = property(lambda self: self._version)
    _special_tokens_reverse_vocab = {"[THINK]": 0, "[/THINK]": 0}

    def __init__(self, version: TokenizerVersion, settings: ModelSettingsBuilder | None):
        self._version, self._model_settings_builder, self.pieces = version, settings, []

    def piece(self, kind: str, text: str) -> int:
        self.pieces.append([kind, text])
        return len(self.pieces) - 1

    def encode(self, s: str, bos: bool, eos: bool) -> list[int]:
        assert not bos and not eos
        return [self.piece("text", s)] if s else []

    def get_special_token(self, s: str) -> int:
        return self.piece("control", s)

    def decode(self, tokens, special_token_policy=None) -> str:
        return ""


class Reference:
    """One version of the templates, with mistral-common's tokenizer of that version or a recorder."""

    def __init__(self, version: str, rules: dict | None = None, tokenizer=None):
        self.version = TokenizerVersion(version)
        settings = tokenizer.model_settings_builder if tokenizer else None
        if rules is not None:
            settings = ModelSettingsBuilder.model_validate(rules)
        self.recorder = None if tokenizer else Recorder(self.version, settings)
        self.validator = get_validator(self.version, ValidationMode.test)
        self.normalizer = get_normalizer(self.version, settings)
        self.tokenizer = getattr(instruct, f"InstructTokenizer{version.upper()}")(tokenizer or self.recorder)
        self.controls = len(self.recorder.pieces) if self.recorder else 0

    def answer(self, line: str) -> dict:
        """The pieces or ids of a conversation in JSON, or the kind of its refusal."""
        try:
            request = request_of(json.loads(line))
        except InvalidMessageStructureException:
            return {"error": "structure"}
        except InvalidAssistantMessageException:
            return {"error": "assistant_message"}
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError):
            return {"error": "format"}
        try:
            self.validator.validate_request(request)
            normalized = self.normalizer.from_chat_completion_request(request)
        except tuple(KINDS) as error:
            return {"error": KINDS[type(error)]}
        except ValueError:  # of an integer with thousands of digits in a call's arguments
            return {"error": "format"}
        if self.recorder:
            del self.recorder.pieces[self.controls:]
        try:
            ids = self.tokenizer.encode_instruct(normalized).tokens
        except (*KINDS, ValueError, AssertionError) as error:
            return {"error": KINDS.get(type(error), "not_encodable")}
        return {"pieces": [self.recorder.pieces[i] for i in ids]} if self.recorder else {"ids": ids}


def request_of(conversation) -> ChatCompletionRequest:
    """mistral-common's own reader of the format, and the flag of Mistral's API that it drops."""
    if isinstance(conversation, list):
        conversation = {"messages": conversation}
    known = ("messages", "tools", "continue_final_message", "reasoning_effort", "response_format")
    request = ChatCompletionRequest.from_openai(**{key: conversation[key] for key in known if key in conversation})
    for message, given in zip(request.messages, conversation["messages"], strict=True):
        if given.get("prefix") is True and message.role == "assistant":
            message.prefix = True
    return request
