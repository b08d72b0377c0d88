package stytchwire

import "strconv"

// Error is the body of an error response. The token endpoint has its own form.
type Error struct {
	Response
	ErrorType    string `json:"error_type"`
	ErrorMessage string `json:"error_message"`
	ErrorURL     string `json:"error_url"`
}

// OAuthError is the body of an error response of the token endpoint (RFC 6749 §5.2).
type OAuthError struct {
	Response
	ErrorCode        string `json:"error"`
	ErrorDescription string `json:"error_description"`
	ErrorURI         string `json:"error_uri"`
}

// Values of Error.ErrorType.
const (
	TypeUnauthorizedCredentials = "unauthorized_credentials" // 401
	TypeBadRequest              = "bad_request"              // 400
	TypeRouteNotFound           = "route_not_found"          // 404
	TypeMethodNotAllowed        = "method_not_allowed"       // 405
	TypeProjectNotFound         = "project_not_found"        // 404
	TypeInternal                = "internal_server_error"    // 500

	TypeClientNotFound      = "m2m_client_not_found"                  // 404; the others are 400
	TypeInvalidClientID     = "m2m_client_invalid_client_id"          // malformed, or taken
	TypeInvalidClientSecret = "m2m_client_invalid_client_secret"      // too short, or guessable
	TypeInvalidName         = "m2m_client_invalid_client_name"        // too long
	TypeInvalidDescription  = "m2m_client_invalid_client_description" // too long
	TypeInvalidStatus       = "m2m_client_invalid_status"             //
	TypeAlreadyRotating     = "m2m_client_already_rotating_secret"    //
	TypeNotRotating         = "m2m_client_not_rotating_secret"        //

	TypeMetadataTooLarge = "metadata_too_large"
	TypeMetadataTooMany  = "metadata_too_many_keys"

	TypeFilterNameMissing  = "m2m_search_missing_filter_name"
	TypeFilterNameNoString = "m2m_search_filter_name_must_be_string"
	TypeFilterNameUnknown  = "m2m_search_filter_name_not_recognized"
	TypeFilterValueMissing = "m2m_search_missing_filter_value"
	TypeFilterValueNoTexts = "m2m_search_expected_array_of_strings"
)

// Values of OAuthError.ErrorCode (RFC 6749 §5.2).
const (
	OAuthInvalidRequest       = "invalid_request"        // 400
	OAuthInvalidClient        = "invalid_client"         // 401
	OAuthInvalidScope         = "invalid_scope"          // 400
	OAuthUnsupportedGrantType = "unsupported_grant_type" // 400
	OAuthInvalidGrant         = "invalid_grant"          // 400
	OAuthUnauthorizedClient   = "unauthorized_client"    // 400
)

// ErrorURL returns the address of Stytch's documentation of an error.
func ErrorURL(status int, errorType string) string {
	return "https://stytch.com/docs/api/errors/" + strconv.Itoa(status) + "#" + errorType
}
