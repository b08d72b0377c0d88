package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// short returns the beginning of a token or secret, and its length.
func short(secret string) string {
	if len(secret) < 12 {
		return secret
	}
	return fmt.Sprintf("%s…(%d bytes)", secret[:6], len(secret))
}

// exchange makes an HTTP request, and prints it with its response. Secrets in both are
// cut short.
func (s *story) exchange(method, url, authorization, contentType, body string, secrets ...string) (int, http.Header, map[string]any) {
	req, err := http.NewRequestWithContext(s.ctx, method, url, strings.NewReader(body))
	if err != nil {
		s.fail(err)
		return 0, nil, nil
	}
	s.sent(method + " " + url[strings.Index(url, "://")+3:])
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
		scheme, credential, _ := strings.Cut(authorization, " ")
		s.sent("Authorization: " + scheme + " " + short(credential))
	}
	if body != "" {
		req.Header.Set("Content-Type", contentType)
		s.sent(shorten(body, secrets))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.fail(err)
		return 0, nil, nil
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.fail(err)
	}
	s.got(res.Status)
	for _, name := range []string{"WWW-Authenticate", "Retry-After"} {
		if value := res.Header.Get(name); value != "" {
			s.got(name + ": " + value)
		}
	}
	var answer map[string]any
	_ = json.Unmarshal(raw, &answer) // if it is no JSON, it is shown as text
	s.got(shorten(strings.TrimSpace(string(raw)), append(secrets, secretsIn(answer)...)))
	return res.StatusCode, res.Header, answer
}

// secretsIn returns the secrets in a response of the authority.
func secretsIn(answer map[string]any) (secrets []string) {
	client, _ := answer["m2m_client"].(map[string]any)
	for _, v := range []any{answer["access_token"], client["client_secret"], client["next_client_secret"]} {
		if secret, ok := v.(string); ok && secret != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

func shorten(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, short(secret))
	}
	return text
}

// callHTTP calls the HTTP API, and reports whether the response has the wanted status
// and, if it is a refusal, the wanted challenge.
func (s *story) callHTTP(method, token string, wantStatus int, wantChallenge string) bool {
	authorization := ""
	if token != "" {
		authorization = "Bearer " + token
	}
	body := ""
	if method == http.MethodPost {
		body = "item=jam"
	}
	code, header, _ := s.exchange(method, s.world.httpURL+"/orders", authorization, "application/x-www-form-urlencoded", body)
	return code == wantStatus && header.Get("WWW-Authenticate") == wantChallenge
}

// callGRPC calls the gRPC API, and reports whether the response has the wanted code
// and, if it is a refusal, the wanted reason.
func (s *story) callGRPC(method, token string, wantCode codes.Code, wantReason string) bool {
	ctx := s.ctx
	s.sent("orders.v1.Orders/" + method + " (gRPC)")
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		s.sent("authorization: Bearer " + short(token))
	}
	var trailer metadata.MD
	answer, err := s.call(ctx, method, grpc.Trailer(&trailer))
	st := status.Convert(err)
	if err == nil {
		text, _ := protojson.Marshal(answer)
		s.got("OK " + strings.ReplaceAll(string(text), `, "`, `,"`))
		return wantCode == codes.OK
	}
	s.got(st.Code().String() + ": " + st.Message())
	reason := ""
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			reason = info.GetReason()
			s.got(fmt.Sprintf("ErrorInfo: reason=%s domain=%s", reason, info.GetDomain()))
		}
	}
	for _, challenge := range trailer["www-authenticate"] {
		s.got("www-authenticate: " + challenge)
	}
	return st.Code() == wantCode && reason == wantReason
}

func (s *story) call(ctx context.Context, method string, opt grpc.CallOption) (proto.Message, error) {
	if method == "Create" {
		return s.world.orders.Create(ctx, &ordersv1.CreateRequest{Item: "jam"}, opt)
	}
	return s.world.orders.List(ctx, &ordersv1.ListRequest{}, opt)
}
